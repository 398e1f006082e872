//! Files that the command line names, read within the limits of their kinds.

use std::path::Path;

use crate::profile::files::{self, Kind, Unread};

/// A file of text.
pub(super) fn text(path: &Path, kind: Kind) -> anyhow::Result<String> {
    files::read_text(path, kind).map_err(|error| failed(path, &error))
}

/// A file of any bytes.
pub(super) fn bytes(path: &Path, kind: Kind) -> anyhow::Result<Vec<u8>> {
    files::read(path, kind).map_err(|error| failed(path, &error))
}

/// A file that was not read, and what to do about it.
pub(super) fn failed(path: &Path, error: &Unread) -> anyhow::Error {
    let cure = error.cure().map_or(String::new(), |cure| format!("; {cure}"));
    anyhow::anyhow!("reading {}: {error}{cure}", path.display())
}
