//! Folders of captures: what the suite keeps of its exchanges, written and read.

use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;

use super::read;
use crate::plan::target::Target;
use crate::profile::files::{self, Kind, Unread};
use crate::suite::capture::{CaptureError, Line, Meta, lines};
use crate::suite::replay::Captured;
use crate::suite::{Conformance, Options};

const META: &str = "capture.json";
const EXCHANGES: &str = "exchanges.jsonl";

/// Keeps every exchange of a run.
pub(super) fn keep(folder: &Path, target: &Target, options: &Options, run: &Conformance) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
    let path = folder.join(EXCHANGES);
    let write = || -> std::io::Result<()> {
        let mut file = std::io::BufWriter::new(std::fs::File::create(&path)?);
        for line in lines(run, &target.redactor()) {
            serde_json::to_writer(&mut file, &line)?;
            file.write_all(b"\n")?;
        }
        file.flush()?;
        let meta = serde_json::to_string_pretty(&Meta::of(target, options))?;
        std::fs::write(folder.join(META), meta + "\n")
    };
    write().with_context(|| format!("writing {}", folder.display()))
}

/// Why a line of a capture is not read.
enum ReadError {
    Unread(Unread),
    Capture(CaptureError),
}

impl From<Unread> for ReadError {
    fn from(error: Unread) -> ReadError {
        ReadError::Unread(error)
    }
}

impl From<CaptureError> for ReadError {
    fn from(error: CaptureError) -> ReadError {
        ReadError::Capture(error)
    }
}

/// Reads a capture.
pub(super) fn captured(folder: &Path) -> anyhow::Result<Captured> {
    let path = folder.join(META);
    let text = read::text(&path, Kind::CAPTURE)?;
    let meta: Meta = serde_json::from_str(&text).with_context(|| format!("reading {}", path.display()))?;
    let path = folder.join(EXCHANGES);
    let (file, _) = files::open(&path, Kind::EXCHANGES).map_err(|error| read::failed(&path, &error))?;
    let mut lines = Vec::new();
    files::each_line(file, |number, line| {
        lines.push(Line::read(number, line)?);
        Ok::<(), ReadError>(())
    })
    .map_err(|error| match error {
        ReadError::Unread(error) => read::failed(&path, &error),
        ReadError::Capture(error) => error.into(),
    })?;
    Ok(Captured { meta, lines })
}
