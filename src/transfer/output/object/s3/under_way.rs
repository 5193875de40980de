//! Parts under way: so many at once, and each may arrive before those that left earlier.

use std::future::Future;

use tokio::task::{JoinError, JoinSet};

use crate::cloud;

/// Sends that go on while the next part fills. They end with it.
pub(in crate::transfer::output) struct UnderWay<T: 'static> {
    sends: JoinSet<T>,
    most: usize,
}

impl<T: Send + 'static> UnderWay<T> {
    /// At most so many at once.
    pub(in crate::transfer::output) fn new(most: usize) -> Self {
        Self { sends: JoinSet::new(), most }
    }

    /// Starts one more. Who starts one asks [`Self::room`] before.
    pub(in crate::transfer::output) fn start(&mut self, send: impl Future<Output = T> + Send + 'static) {
        self.sends.spawn_on(send, cloud::handle());
    }

    /// What one has ended with, after waiting for whichever is the first while as many are under way as there may be;
    /// none: there is room.
    pub(in crate::transfer::output) async fn room(&mut self) -> Option<Result<T, JoinError>> {
        if self.sends.len() < self.most { None } else { self.sends.join_next().await }
    }

    /// What the next one has ended with; none: all have.
    pub(in crate::transfer::output) async fn next(&mut self) -> Option<Result<T, JoinError>> {
        self.sends.join_next().await
    }

    /// Stops all.
    pub(in crate::transfer::output) fn stop(&mut self) {
        self.sends.abort_all();
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::task::Poll;

    use tokio::sync::oneshot;

    use super::*;

    /// A send that has begun, and what lets it end.
    async fn begin(under_way: &mut UnderWay<u32>, number: u32) -> oneshot::Sender<()> {
        let (begun, has_begun) = oneshot::channel();
        let (end, may_end) = oneshot::channel();
        under_way.start(async move {
            begun.send(()).unwrap();
            may_end.await.unwrap();
            number
        });
        has_begun.await.unwrap();
        end
    }

    async fn must_wait(future: impl Future) {
        let mut future = pin!(future);
        poll_fn(|context| {
            assert!(future.as_mut().poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
    }

    #[test]
    fn two_are_sent_at_once_and_the_third_waits_for_whichever_arrives_first() {
        cloud::block_on(async {
            let mut under_way = UnderWay::new(2);
            assert!(under_way.room().await.is_none());
            // Both have begun, and neither has ended.
            let first = begin(&mut under_way, 1).await;
            assert!(under_way.room().await.is_none());
            let second = begin(&mut under_way, 2).await;
            must_wait(under_way.room()).await;
            second.send(()).unwrap();
            assert_eq!(under_way.room().await.unwrap().unwrap(), 2);
            assert!(under_way.room().await.is_none());
            let third = begin(&mut under_way, 3).await;
            must_wait(under_way.room()).await;
            first.send(()).unwrap();
            assert_eq!(under_way.next().await.unwrap().unwrap(), 1);
            third.send(()).unwrap();
            assert_eq!(under_way.next().await.unwrap().unwrap(), 3);
            assert!(under_way.next().await.is_none());
        });
    }

    #[test]
    fn a_send_that_is_stopped_has_ended() {
        cloud::block_on(async {
            let mut under_way = UnderWay::new(1);
            let _end = begin(&mut under_way, 1).await;
            under_way.stop();
            assert!(under_way.next().await.unwrap().unwrap_err().is_cancelled());
        });
    }
}
