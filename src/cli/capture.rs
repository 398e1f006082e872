//! Folders of captures: what the suite keeps of its exchanges, written and read.

use std::io::{BufRead as _, Write as _};
use std::path::Path;

use anyhow::Context as _;

use crate::plan::target::Target;
use crate::suite::capture::{Line, Meta, lines};
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

/// Reads a capture.
pub(super) fn read(folder: &Path) -> anyhow::Result<Captured> {
    let path = folder.join(META);
    let text = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let meta: Meta = serde_json::from_str(&text).with_context(|| format!("reading {}", path.display()))?;
    let path = folder.join(EXCHANGES);
    let file = std::fs::File::open(&path).with_context(|| format!("reading {}", path.display()))?;
    let mut lines = Vec::new();
    for (number, line) in std::io::BufReader::new(file).lines().enumerate() {
        let line = line.with_context(|| format!("reading {}", path.display()))?;
        lines.push(Line::read(number + 1, &line)?);
    }
    Ok(Captured { meta, lines })
}
