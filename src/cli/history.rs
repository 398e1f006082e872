//! `proofload history`: what runs there are. Plain folders, no database.

use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::{Args as ClapArgs, ValueEnum};

use super::exit::Exit;
use super::{folder, print, say};
use crate::report::history::{Entry, csv, text};

#[derive(Debug, ClapArgs)]
pub(super) struct HistoryArgs {
    /// Folder with runs and checks, at any depth.
    #[arg(default_value = "runs")]
    dir: PathBuf,
    /// Format of the list: text, or csv for a spreadsheet.
    #[arg(long, value_enum, default_value_t = FormatArg::Text)]
    format: FormatArg,
}

/// Formats of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormatArg {
    Text,
    Csv,
}

pub(super) fn history(args: &HistoryArgs) -> anyhow::Result<Exit> {
    if !args.dir.is_dir() {
        bail!("{} is not a folder; runs are saved in runs/ or where --out says", args.dir.display());
    }
    let mut entries = Vec::new();
    for place in folder::kept_below(&args.dir) {
        match place.and_then(|place| entry(&args.dir, &place)) {
            Ok(entry) => entries.push(entry),
            // One damaged run does not hide the others.
            Err(error) => say(&format!("warning: {error:#}\n")),
        }
    }
    entries.sort_by_key(|entry: &Entry| (entry.started_unix_ms(), entry.name().to_owned()));
    print(&match args.format {
        FormatArg::Text => text(&entries),
        FormatArg::Csv => csv(&entries),
    })?;
    Ok(Exit::Pass)
}

fn entry(root: &Path, place: &Path) -> anyhow::Result<Entry> {
    let name = place.strip_prefix(root).unwrap_or(place).to_string_lossy().into_owned();
    let reference = place.to_string_lossy();
    if let Some(sheets) = folder::read_check(&reference)? {
        return Ok(Entry::of_check(name, &sheets?));
    }
    Ok(Entry::of_run(name, &folder::read(&reference)??))
}
