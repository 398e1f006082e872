//! The `proofload` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    proofload::cli::main()
}
