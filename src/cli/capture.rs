//! Folders of captures: what the suite keeps of its exchanges, written and read.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::{folder, read, say};
use crate::exchange::Exchange;
use crate::plan::secret::Redactor;
use crate::plan::target::Target;
use crate::profile::files::{self, Kind, Unread};
use crate::suite::capture::{CaptureError, FORMAT, Line, Meta, Sending, line, lines};
use crate::suite::replay::Captured;
use crate::suite::{Conformance, Options, Sent};

const META: &str = "capture.json";
const EXCHANGES: &str = "exchanges.jsonl";

/// A capture of a check that goes on: each exchange is in it as soon as it has ended, so that a check that is killed
/// leaves what came until then.
#[derive(Debug)]
pub(super) struct Capturing {
    folder: PathBuf,
    meta: Meta,
    file: File,
    redactor: Redactor,
    /// Whether something could not be written, which was said; the end tries all of it again.
    is_torn: bool,
}

impl Capturing {
    /// Begins a capture in a folder that is there.
    pub(super) fn begin(folder: &Path, target: &Target, options: &Options) -> anyhow::Result<Capturing> {
        let meta = Meta { sending: Some(Vec::new()), ..Meta::of(target, options) };
        keep_meta(folder, &meta)?;
        let path = folder.join(EXCHANGES);
        let file = File::create(&path).with_context(|| format!("creating {}", path.display()))?;
        Ok(Capturing { folder: folder.to_path_buf(), meta, file, redactor: target.redactor(), is_torn: false })
    }

    /// Probes are about to be sent, each with the number of its requests.
    pub(super) fn begins(&mut self, round: u32, probes: &[(&'static str, usize)]) {
        let sending = |(probe, requests): &(&'static str, usize)| {
            let (probe, requests) = ((*probe).to_owned(), *requests);
            Sending { round, probe, requests }
        };
        self.meta.sending = Some(probes.iter().map(sending).collect());
        let kept = keep_meta(&self.folder, &self.meta);
        self.note(kept);
    }

    /// A request has ended.
    pub(super) fn add(&mut self, sent: &Sent, exchange: &Exchange) {
        let text = serde_json::to_string(&line(sent, exchange, &self.redactor)).map_err(anyhow::Error::from);
        // One write for a line: a process that is killed leaves no more than one line that is cut in two.
        let written = text.and_then(|text| Ok(self.file.write_all((text + "\n").as_bytes())?));
        self.note(written);
    }

    fn note(&mut self, written: anyhow::Result<()>) {
        if let Err(error) = written
            && !std::mem::replace(&mut self.is_torn, true)
        {
            say(&format!("warning: an exchange could not be captured: {error:#}\n"));
        }
    }

    /// Keeps every exchange of the run, in order.
    pub(super) fn finish(self, run: &Conformance) -> anyhow::Result<()> {
        folder::keep_whole(&self.folder, EXCHANGES, |file| {
            for line in lines(run, &self.redactor) {
                serde_json::to_writer(&mut *file, &line)?;
                file.write_all(b"\n")?;
            }
            Ok(())
        })?;
        keep_meta(&self.folder, &Meta { sending: None, ..self.meta })
    }
}

fn keep_meta(folder: &Path, meta: &Meta) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(meta).context("writing the capture")?;
    folder::keep_text(folder, META, &(text + "\n"))
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

/// Reads a capture.
pub(super) fn captured(folder: &Path) -> anyhow::Result<Captured> {
    let path = folder.join(META);
    let text = read::text(&path, Kind::CAPTURE)?;
    let meta: Meta = folder::understood(&path, &text, "capture", &(FORMAT..=FORMAT), "capture")?;
    let path = folder.join(EXCHANGES);
    let (file, _) = files::open(&path, Kind::EXCHANGES).map_err(|error| read::failed(&path, &error))?;
    let (mut lines, mut cut) = (Vec::new(), None);
    files::each_line(file, |number, line| {
        // Only the last line of a check that was killed may be cut in two.
        if let Some(error) = cut.take() {
            return Err(ReadError::Capture(error));
        }
        match Line::read(number, line) {
            Ok(line) => lines.push(line),
            Err(error) if meta.sending.is_some() => cut = Some(error),
            Err(error) => return Err(ReadError::Capture(error)),
        }
        Ok(())
    })
    .map_err(|error| match error {
        ReadError::Unread(error) => read::failed(&path, &error),
        ReadError::Capture(error) => error.into(),
    })?;
    if meta.sending.is_some() {
        let cut = if cut.is_some() { "; its last line is cut in two and left out" } else { "" };
        say(&format!("warning: the check that wrote {} did not come to its end{cut}\n", folder.display()));
    }
    Ok(Captured { meta, lines })
}
