//! Where runs are kept: plain folders, never overwritten.

use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::outline::format_of;
use super::read;
use crate::capacity::record::{self, Record};
use crate::profile::files::{self, Kind};
use crate::report::Format;
use crate::report::conformance::{Kind as Page, write};
use crate::suite::sheet::{self, Sheet};
use crate::summary::{FORMAT, Summary};

const RUNS: &str = "runs";
const SUMMARY: &str = "summary.json";
const CONFORMANCE: &str = "conformance.json";
/// Repetitions are numbered from 1.
const REPETITION: &str = "run-";
const CAPACITY: &str = "capacity.json";
const PAGE: &str = "report.html";

/// Refuses a folder that already holds something, before anything is sent.
pub(super) fn check_free(folder: &Path) -> anyhow::Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("cannot use {} for the run", folder.display())),
    };
    if entries.count() > 0 {
        bail!("{} is not empty; runs are never overwritten, so name another folder with --out", folder.display());
    }
    Ok(())
}

/// Keeps a run with its page, and returns the folder.
pub(super) fn keep(summary: &Summary, folder: Option<&Path>) -> anyhow::Result<PathBuf> {
    let text = serde_json::to_string(summary).context("writing the summary")?;
    let folder = keep_file(SUMMARY, &text, folder, summary.meta.started_unix_ms, &summary.meta.profile)?;
    write_whole(&folder, PAGE, &crate::report::write(summary, Format::Html))?;
    Ok(folder)
}

/// Keeps what is left of a check, and returns the folder.
pub(super) fn keep_check(sheets: &[Sheet], folder: Option<&Path>) -> anyhow::Result<PathBuf> {
    let started = sheets.first().map_or(0, |sheet| sheet.started_unix_ms);
    keep_file(CONFORMANCE, &write(sheets, Page::Json, false), folder, started, "check")
}

/// Keeps a run in a folder that is to be made.
pub(super) fn keep_in(folder: &Path, summary: &Summary) -> anyhow::Result<()> {
    keep(summary, Some(folder)).map(drop)
}

/// The folder that a search is kept in, made.
pub(super) fn fresh_search(folder: Option<&Path>, started: u64, profile: &str) -> anyhow::Result<PathBuf> {
    match folder {
        Some(folder) => {
            std::fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
            Ok(folder.to_path_buf())
        }
        None => fresh(started, &format!("capacity-{profile}")),
    }
}

/// Keeps what is known of a search so far.
pub(super) fn keep_search(folder: &Path, record: &Record) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(record).context("writing the search")?;
    keep_file(CAPACITY, &text, Some(folder), record.asked.started_unix_ms, "").map(drop)
}

/// Keeps the page of a search.
pub(super) fn keep_page(folder: &Path, page: &str) -> anyhow::Result<()> {
    write_whole(folder, PAGE, page)
}

/// Reads a search.
pub(super) fn read_search(folder: &Path) -> anyhow::Result<Record> {
    let path = if folder.is_dir() { folder.join(CAPACITY) } else { folder.to_path_buf() };
    let text = read::text(&path, Kind::SEARCH).with_context(|| format!("{} holds no search", folder.display()))?;
    Ok(understood(&path, &text, "capacity", record::FORMAT, "search for capacity")?)
}

fn keep_file(name: &str, text: &str, folder: Option<&Path>, started: u64, profile: &str) -> anyhow::Result<PathBuf> {
    let folder = match folder {
        Some(folder) => {
            std::fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
            folder.to_path_buf()
        }
        None => fresh(started, profile)?,
    };
    write_whole(&folder, name, text)?;
    Ok(folder)
}

/// Writes a file beside its place and renames it, so that it is either whole or absent.
fn write_whole(folder: &Path, name: &str, text: &str) -> anyhow::Result<()> {
    let (draft, path) = (folder.join(format!(".{name}")), folder.join(name));
    let written = std::fs::write(&draft, text).and_then(|()| std::fs::rename(&draft, &path));
    written.with_context(|| format!("writing {}", path.display()))
}

/// A new folder under runs/ for what begins now.
pub(super) fn fresh_now(name: &str) -> anyhow::Result<PathBuf> {
    fresh(crate::run::unix_ms(), name)
}

/// A new folder under runs/, named after the start and the profile.
fn fresh(started_unix_ms: u64, profile: &str) -> anyhow::Result<PathBuf> {
    let started = UNIX_EPOCH + Duration::from_millis(started_unix_ms);
    let time = humantime::format_rfc3339_seconds(started).to_string().replace([':', '-'], "");
    let safe = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
    let profile: String = profile.chars().map(safe).collect();
    std::fs::create_dir_all(RUNS).with_context(|| format!("creating {RUNS}/"))?;
    for number in 1..1000 {
        let suffix = if number == 1 { String::new() } else { format!("-{number}") };
        let folder = Path::new(RUNS).join(format!("{time}-{profile}{suffix}"));
        match std::fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error).with_context(|| format!("creating {}", folder.display())),
        }
    }
    bail!("no free name for the run under {RUNS}/")
}

/// Why a summary cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unusable(pub(super) String);

/// The folder or file that is meant.
pub(super) fn meant(reference: &str) -> anyhow::Result<PathBuf> {
    match reference.strip_prefix("@last") {
        Some(rest) => last(rest),
        None => Ok(PathBuf::from(reference)),
    }
}

/// Reads what is left of a check; none where the folder holds no check.
pub(super) fn read_check(reference: &str) -> anyhow::Result<Option<Result<Vec<Sheet>, Unusable>>> {
    let folder = meant(reference)?;
    let path = if folder.is_dir() { folder.join(CONFORMANCE) } else { folder };
    if !path.ends_with(CONFORMANCE) || !path.exists() {
        return Ok(None);
    }
    let text = read::text(&path, Kind::CHECK)?;
    Ok(Some(match sheets(&text) {
        Ok(sheets) => unknown_format(&path, sheets),
        Err(error) => Err(damaged(&path, &error)),
    }))
}

/// The check that a file holds, or several.
fn sheets(text: &str) -> Result<Vec<Sheet>, serde_json::Error> {
    // One check has its format at the top, several have theirs each.
    match format_of(text, "conformance")? {
        Some(_) => serde_json::from_str(text).map(|sheet| vec![sheet]),
        None => serde_json::from_str(text).map(|Sheets { runs }| runs),
    }
}

/// Several checks in one file.
#[derive(Deserialize)]
struct Sheets {
    runs: Vec<Sheet>,
}

fn unknown_format(path: &Path, sheets: Vec<Sheet>) -> Result<Vec<Sheet>, Unusable> {
    match sheets.iter().find(|sheet| sheet.conformance != sheet::FORMAT) {
        Some(Sheet { conformance, .. }) => Err(another_format(path, u64::from(*conformance), sheet::FORMAT)),
        None => Ok(sheets),
    }
}

fn damaged(path: &Path, error: &serde_json::Error) -> Unusable {
    Unusable(format!("{} is damaged: {error}", path.display()))
}

fn another_format(path: &Path, format: u64, known: u32) -> Unusable {
    Unusable(format!("{} has format {format}, this program reads {known}", path.display()))
}

/// What a file of ours holds, whose format stands under `key`.
fn understood<T: DeserializeOwned>(path: &Path, text: &str, key: &str, known: u32, what: &str) -> Result<T, Unusable> {
    match format_of(text, key) {
        Ok(Some(format)) if format == u64::from(known) => {
            serde_json::from_str(text).map_err(|error| damaged(path, &error))
        }
        Ok(Some(format)) => Err(another_format(path, format, known)),
        Ok(None) => Err(Unusable(format!("{} is no {what}", path.display()))),
        Err(error) => Err(Unusable(format!("{} is no {what}: {error}", path.display()))),
    }
}

/// Reads one side of a comparison: a run, or the repetitions in a folder of them, in their order.
pub(super) fn read_side(reference: &str) -> anyhow::Result<Result<Vec<Summary>, Unusable>> {
    let folder = meant(reference)?;
    let repetitions = repetitions(&folder);
    if repetitions.is_empty() {
        return Ok(read(reference)?.map(|run| vec![run]));
    }
    let mut runs = Vec::new();
    for folder in repetitions {
        match read(&folder.to_string_lossy())? {
            Ok(run) => runs.push(run),
            Err(unusable) => return Ok(Err(unusable)),
        }
    }
    Ok(Ok(runs))
}

/// The folders of repetitions in a folder, by their numbers.
fn repetitions(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let numbered = entries.filter_map(|entry| {
        let path = entry.ok()?.path();
        let number: u32 = path.file_name()?.to_str()?.strip_prefix(REPETITION)?.parse().ok()?;
        path.is_dir().then_some((number, path))
    });
    let mut found: Vec<(u32, PathBuf)> = numbered.collect();
    found.sort();
    found.into_iter().map(|(_, path)| path).collect()
}

/// The folders at and below one that hold a run or a check, and why those below others are not known.
pub(super) fn kept_below(folder: &Path) -> Vec<anyhow::Result<PathBuf>> {
    if [SUMMARY, CONFORMANCE].iter().any(|name| folder.join(name).exists()) {
        return vec![Ok(folder.to_path_buf())];
    }
    let entries = match std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display())) {
        Ok(entries) => entries,
        Err(error) => return vec![Err(error)],
    };
    // Links are not followed: they could lead around in a circle.
    let folders = entries.filter_map(Result::ok).filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders.flat_map(|entry| kept_below(&entry.path())).collect()
}

/// Every run at and below a folder, but for those at and below others.
pub(super) fn runs_below(folder: &Path, but: &[PathBuf]) -> anyhow::Result<Result<Vec<Summary>, Unusable>> {
    let mut runs = Vec::new();
    for folder in kept_below(folder) {
        let folder = folder?;
        let is_other = folder.canonicalize().is_ok_and(|own| but.iter().any(|other| own.starts_with(other)));
        if is_other || !folder.join(SUMMARY).exists() {
            continue;
        }
        match read(&folder.to_string_lossy())? {
            Ok(run) => runs.push(run),
            Err(unusable) => return Ok(Err(unusable)),
        }
    }
    Ok(Ok(runs))
}

/// The folder of a repetition, counted from 1.
pub(super) fn of_repetition(folder: &Path, number: usize) -> PathBuf {
    folder.join(format!("{REPETITION}{number}"))
}

/// Reads the run of a folder, a summary file, or `@last`.
pub(super) fn read(reference: &str) -> anyhow::Result<Result<Summary, Unusable>> {
    let folder = meant(reference)?;
    let path = if folder.is_dir() { folder.join(SUMMARY) } else { folder };
    let text = match files::read_text(&path, Kind::SUMMARY) {
        Ok(text) => text,
        Err(error) if error.is_missing() && path.parent().is_some_and(Path::is_dir) && path.ends_with(SUMMARY) => {
            return Ok(Err(Unusable(format!("{} is incomplete: {error}", path.display()))));
        }
        Err(error) => return Err(read::failed(&path, &error)),
    };
    Ok(understood(&path, &text, "format", FORMAT, "summary of a run"))
}

/// The newest folder under runs/, or with `~1` the one before.
fn last(rest: &str) -> anyhow::Result<PathBuf> {
    let back: usize = match rest.strip_prefix('~') {
        None if rest.is_empty() => 0,
        Some(number) => {
            number.parse().ok().with_context(|| format!("@last{rest} is no run; write @last or @last~1"))?
        }
        None => bail!("@last{rest} is no run; write @last or @last~1"),
    };
    let entries = std::fs::read_dir(RUNS).with_context(|| format!("there is no {RUNS}/ here"))?;
    let mut folders: Vec<PathBuf> =
        entries.filter_map(Result::ok).map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    let index = folders.len().checked_sub(back + 1).with_context(|| format!("{RUNS}/ holds {} runs", folders.len()))?;
    Ok(folders.swap_remove(index))
}
