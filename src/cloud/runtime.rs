//! The one asynchronous runtime of the process. Only the wires need it, so it starts with the first call to a cloud.

use std::future::Future;
use std::sync::OnceLock;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;

/// Uploads and calls mostly wait; two workers carry them all.
const WORKERS: usize = 2;

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let built =
            Builder::new_multi_thread().worker_threads(WORKERS).thread_name("cloud").enable_all().build();
        // Fails only where the system gives no more threads or descriptors: nothing can run there, and the panic is
        // caught where the task began and becomes its failure.
        built.expect("the system starts two threads")
    })
}

/// Waits for a future on the calling thread, which must not be one of the runtime's own.
pub fn block_on<F: Future>(future: F) -> F::Output {
    runtime().block_on(future)
}

/// The runtime, to start work that goes on while the caller does something else.
pub fn handle() -> &'static Handle {
    runtime().handle()
}

/// Starts work that goes on while the caller does something else.
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    handle().spawn(future)
}
