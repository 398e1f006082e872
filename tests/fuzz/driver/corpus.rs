//! The inputs that a target begins with, and those that are kept because they break its property.

use std::fs;
use std::path::{Path, PathBuf};

/// The root of the repository, from any of its packages.
fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = own.ancestors().find(|folder| folder.join("tests/fuzz/corpus").is_dir());
    found.expect("tests/fuzz/corpus is above").to_path_buf()
}

/// Every input of a target, by name.
pub(crate) fn of(target: &str) -> Vec<Vec<u8>> {
    let folder = root().join("tests/fuzz/corpus").join(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files.iter().map(|file| fs::read(file).expect("readable")).collect()
}

/// Keeps an input, and returns where.
pub(crate) fn keep(target: &str, input: &[u8]) -> PathBuf {
    let folder = root().join("target/fuzz").join(target);
    let hash = input
        .iter()
        .fold(0xCBF2_9CE4_8422_2325, |hash: u64, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3));
    let file = folder.join(format!("{hash:016x}"));
    fs::create_dir_all(&folder).and_then(|()| fs::write(&file, input)).expect("the input is kept");
    file
}
