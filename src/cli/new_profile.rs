//! `proofload profile new --from`: a profile, and the demand over a day, from a production log.

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, bail};

use super::exit::Exit;
use super::{print, read, say};
use crate::plan::prompt::trace::{self, Layout};
use crate::profile::files::Kind;
use crate::profile::portrait::{self, Portrait};

pub(super) fn from_log(file: &Path, log: &Path, columns: Option<&str>) -> anyhow::Result<Exit> {
    let bytes = read::bytes(log, Kind::TRACE)?;
    let text = String::from_utf8_lossy(&bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let layout = match columns.map_or_else(|| Ok(Layout::guessed(text)), portrait::layout) {
        Ok(layout) => layout,
        Err(why) => {
            say(&format!("error: {why}\n"));
            return Ok(Exit::Usage);
        }
    };
    let trace = match trace::read(text, &layout) {
        Ok(trace) => trace,
        Err(faults) => {
            for fault in faults {
                say(&format!("error: {}:{}: {}\n", log.display(), fault.line, fault.message));
            }
            return Ok(Exit::Usage);
        }
    };
    if trace.rows.is_empty() {
        say(&format!("error: {} holds no request\n", log.display()));
        return Ok(Exit::Usage);
    }
    let Portrait { profile, demand, fits } =
        portrait::portrait(&trace, &log.file_name().unwrap_or_default().to_string_lossy());
    let curve = file.with_extension("demand.csv");
    if curve.exists() {
        bail!("{} exists", curve.display());
    }
    write_new(file, &profile)?;
    write_new(&curve, &demand)?;
    print(&fits)?;
    say(&format!(
        "wrote {} and {}; try: proofload run {} --dry-run\n",
        file.display(),
        curve.display(),
        file.display()
    ));
    Ok(Exit::Pass)
}

fn write_new(file: &Path, text: &str) -> anyhow::Result<()> {
    let mut created = std::fs::File::create_new(file).with_context(|| format!("writing {}", file.display()))?;
    created.write_all(text.as_bytes()).with_context(|| format!("writing {}", file.display()))
}
