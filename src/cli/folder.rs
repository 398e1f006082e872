//! Where runs are kept: plain folders, never overwritten.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context as _, anyhow, bail};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::outline::{About, about};
use super::{cleaned, read, say};
use crate::capacity::record::{self, Record};
use crate::profile::files::{self, Kind};
use crate::report::Format;
use crate::report::conformance::{Kind as Page, write};
use crate::suite::sheet::{self, Sheet};
use crate::summary::{FORMAT, Summary};

/// Where runs are kept whose folder the user does not name.
pub(super) const RUNS: &str = "runs";
const SUMMARY: &str = "summary.json";
const CONFORMANCE: &str = "conformance.json";
/// Repetitions are numbered from 1.
const REPETITION: &str = "run-";
const CAPACITY: &str = "capacity.json";
const PAGE: &str = "report.html";

/// What the folder of a run or a check holds.
pub(super) const KEPT: [&str; 4] = [SUMMARY, CONFORMANCE, PAGE, super::run::JOURNAL];

/// Refuses a folder that already holds something, before anything is sent.
pub(super) fn check_free(folder: &Path) -> anyhow::Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(anyhow!("cannot use the folder {}: {error}; choose another one", folder.display())),
    };
    if entries.count() > 0 {
        bail!("{} is not empty; runs are never overwritten, so name another folder with --out", folder.display());
    }
    Ok(())
}

/// Keeps a run with its page.
pub(super) fn keep(summary: &Summary, folder: &Path) -> anyhow::Result<()> {
    keep_json(folder, SUMMARY, summary)?;
    keep_text(folder, PAGE, &crate::report::write(summary, Format::Html))
}

/// Keeps what a run has come to so far, each time in the place of the last. That it cannot be kept is said once: the end of
/// the run is kept all the same, if that can be.
pub(super) fn checkpoints(folder: &Path) -> impl FnMut(&Summary) + Send + use<> {
    let (folder, mut is_said) = (folder.to_path_buf(), false);
    move |summary| {
        if let Err(error) = keep_json(&folder, SUMMARY, summary)
            && !std::mem::replace(&mut is_said, true)
        {
            say(&format!("warning: the results so far could not be saved: {error:#}\n"));
        }
    }
}

/// Keeps what is left of a check.
pub(super) fn keep_check(sheets: &[Sheet], folder: &Path) -> anyhow::Result<()> {
    keep_text(folder, CONFORMANCE, &write(sheets, Page::Json, false))
}

/// Keeps what is known of a search so far.
pub(super) fn keep_search(folder: &Path, record: &Record) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(record).context("writing the search")?;
    keep_text(folder, CAPACITY, &text)
}

/// Keeps the page of a search.
pub(super) fn keep_page(folder: &Path, page: &str) -> anyhow::Result<()> {
    keep_text(folder, PAGE, page)
}

/// Reads a search.
pub(super) fn read_search(folder: &Path) -> anyhow::Result<Record> {
    let path = if folder.is_dir() { folder.join(CAPACITY) } else { folder.to_path_buf() };
    let text = read::text(&path, Kind::SEARCH).with_context(|| format!("{} holds no search", folder.display()))?;
    let record: Record =
        understood(&path, &text, "capacity", &(record::OLDEST..=record::FORMAT), "search for capacity")?;
    // What is kept of it from now on has the names of today.
    Ok(Record { capacity: record::FORMAT, ..record })
}

/// Keeps a text in a folder, which is made where it is not there any more.
pub(super) fn keep_text(folder: &Path, name: &str, text: &str) -> anyhow::Result<()> {
    keep_whole(folder, name, |file| file.write_all(text.as_bytes()))
}

/// The same of what is written as JSON.
fn keep_json(folder: &Path, name: &str, value: &impl Serialize) -> anyhow::Result<()> {
    keep_whole(folder, name, |file| Ok(serde_json::to_writer(file, value)?))
}

/// Writes a file beside its place and renames it, so that it is either whole or as it was before. The draft has a name of
/// its own, so that the next one takes the place of what a process left that was killed.
pub(super) fn keep_whole(
    folder: &Path,
    name: &str,
    content: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>,
) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
    let (draft, path) = (folder.join(format!(".{name}")), folder.join(name));
    let write = || {
        let mut file = BufWriter::new(File::create(&draft)?);
        content(&mut file)?;
        // Some disks say only now that they are full.
        file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_data()?;
        std::fs::rename(&draft, &path)
    };
    let written = write();
    if written.is_err() {
        let _ = std::fs::remove_file(&draft);
    }
    written.with_context(|| format!("writing {}", path.display()))
}

/// A new folder under runs/ for what begins now, named after the time and the profile.
pub(super) fn fresh_now(name: &str) -> anyhow::Result<PathBuf> {
    let started = UNIX_EPOCH + Duration::from_millis(crate::run::unix_ms());
    let time = humantime::format_rfc3339_seconds(started).to_string().replace([':', '-'], "");
    let safe = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
    let name: String = name.chars().map(safe).collect();
    for number in 1..1000 {
        let suffix = if number == 1 { String::new() } else { format!("-{number}") };
        let folder = Path::new(RUNS).join(format!("{time}-{name}{suffix}"));
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
    Ok(Some(sheets(&path, &text)))
}

/// The check that a file holds, or several. Their formats are looked at before anything else is.
fn sheets(path: &Path, text: &str) -> Result<Vec<Sheet>, Unusable> {
    let damaged = |error| damaged(path, &error);
    let other = |about: &About| about.format.filter(|format| *format != u64::from(sheet::FORMAT));
    // One check has its format at the top, several have theirs each.
    let top = about(text, "conformance").map_err(damaged)?;
    if let Some(format) = other(&top) {
        return Err(another_format(path, format, &top, sheet::FORMAT));
    }
    if top.format.is_some() {
        return cleaned::from_str(text).map(|sheet| vec![sheet]).map_err(damaged);
    }
    let Several::<Version> { runs } = serde_json::from_str(text).map_err(damaged)?;
    for Version { conformance, proofload } in runs {
        let one = About { format: Some(conformance), version: proofload };
        if let Some(format) = other(&one) {
            return Err(another_format(path, format, &one, sheet::FORMAT));
        }
    }
    cleaned::from_str(text).map(|Several { runs }| runs).map_err(damaged)
}

/// Several checks in one file.
#[derive(Deserialize)]
struct Several<T> {
    runs: Vec<T>,
}

/// Of a check, what wrote it.
#[derive(Deserialize)]
struct Version {
    conformance: u64,
    proofload: Option<String>,
}

fn damaged(path: &Path, error: &serde_json::Error) -> Unusable {
    Unusable(format!("{} is damaged: {error}", path.display()))
}

fn another_format(path: &Path, format: u64, about: &About, known: u32) -> Unusable {
    let (path, ours) = (path.display(), env!("CARGO_PKG_VERSION"));
    let reads = format!("this program is proofload {ours} and reads format {known}");
    Unusable(match &about.version {
        Some(version) => format!(
            "{path} was written by proofload {version} in format {format}; {reads}: use proofload {version} to read it"
        ),
        None => format!("{path} has format {format}; {reads}"),
    })
}

/// What a file of ours holds, whose format stands under `key`.
pub(super) fn understood<T: DeserializeOwned>(
    path: &Path,
    text: &str,
    key: &str,
    known: &RangeInclusive<u32>,
    what: &str,
) -> Result<T, Unusable> {
    match about(text, key) {
        Ok(About { format: Some(format), .. })
            if (u64::from(*known.start())..=u64::from(*known.end())).contains(&format) =>
        {
            cleaned::from_str(text).map_err(|error| damaged(path, &error))
        }
        Ok(about @ About { format: Some(format), .. }) => Err(another_format(path, format, &about, *known.end())),
        Ok(About { format: None, .. }) => Err(Unusable(format!("{} is not a {what}", path.display()))),
        Err(error) => Err(Unusable(format!("{} is not a {what}: {error}", path.display()))),
    }
}

/// Whether a folder holds a run, whole or cut short.
pub(super) fn holds_run(folder: &Path) -> bool {
    folder.join(SUMMARY).exists()
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
pub(super) fn repetitions(folder: &Path) -> Vec<PathBuf> {
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
            return Ok(Err(incomplete(&path, &error.to_string())));
        }
        Err(error) => return Err(read::failed(&path, &error)),
    };
    Ok(understood(&path, &text, "format", &(FORMAT..=FORMAT), "summary of a run"))
}

/// Why a folder without a summary cannot be used: it holds several runs, or a part is missing.
fn incomplete(path: &Path, error: &str) -> Unusable {
    let folder = path.parent().unwrap_or(Path::new("."));
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    match entries.map(|entry| entry.path()).filter(|own| holds_run(own)).min() {
        Some(first) => {
            Unusable(format!("{} holds several runs; name one of them, as {}", folder.display(), first.display()))
        }
        None => Unusable(format!("{} is incomplete: {error}", path.display())),
    }
}

/// The newest folder under runs/, or with `~1` the one before.
fn last(rest: &str) -> anyhow::Result<PathBuf> {
    let back: usize = match rest.strip_prefix('~') {
        None if rest.is_empty() => 0,
        Some(number) => {
            number.parse().ok().with_context(|| format!("@last{rest} is not a run; write @last or @last~1"))?
        }
        None => bail!("@last{rest} is not a run; write @last or @last~1"),
    };
    let entries = std::fs::read_dir(RUNS).with_context(|| format!("there is no {RUNS}/ here"))?;
    let mut folders: Vec<PathBuf> =
        entries.filter_map(Result::ok).map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    let index = folders.len().checked_sub(back + 1).with_context(|| format!("{RUNS}/ holds {} runs", folders.len()))?;
    Ok(folders.swap_remove(index))
}
