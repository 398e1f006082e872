//! The `proofload` program.

use std::process::ExitCode;

/// Exchanges are made by one thread and dropped by another, which the system's allocator is slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    proofload::cli::main()
}
