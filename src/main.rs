//! Hands the arguments over and maps what comes back to an exit code.

fn main() -> std::process::ExitCode {
    sync::cli::main(&std::env::args_os().collect::<Vec<_>>()).into()
}
