//! Parses, calls, maps to an exit code.

fn main() -> std::process::ExitCode {
    sync::exit::Exit::Success.into()
}
