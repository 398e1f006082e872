//! The `proofload` program.

use std::process::ExitCode;

/// Exchanges are made by one thread and dropped by another, which the system's allocator is slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    keep_pages_small();
    proofload::cli::main()
}

/// Thousands of streams wait with buffers of which little is ever touched; in huge pages all of it would be memory.
#[cfg(target_os = "linux")]
fn keep_pages_small() {
    // A kernel that knows no such thing makes none.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}

#[cfg(not(target_os = "linux"))]
fn keep_pages_small() {}
