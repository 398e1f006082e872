//! Files that the user names for what a command writes: whole or as they were, and each for one thing.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};

use super::folder;
use super::keeping::Keeping;
use super::places::Places;

/// Writes a file, so that it is either whole or as it was before; a device or a pipe is written to as it is.
///
/// # Errors
/// If it cannot be written.
pub(super) fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    // Behind a link is the file that is meant.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let is_plain = is_file(&target);
    let (folder, name) = (parent(&target), target.file_name().and_then(|name| name.to_str()));
    match name.filter(|_| is_plain) {
        // A folder that takes no new file may have one that can be written to.
        Some(name) if folder.is_dir() && folder::keep_text(folder, name, text).is_ok() => Ok(()),
        Some(_) | None => fs::write(path, text).with_context(|| format!("writing {}", path.display())),
    }
}

/// Whether a path is that of a file, or of nothing yet: to write to a pipe may take for ever, so that comes last.
fn is_file(path: &Path) -> bool {
    fs::metadata(path).map_or(true, |about| about.is_file())
}

/// Writes reports, each of which is kept or told of, pipes and devices last.
pub(super) fn write_reports<K: Copy>(reports: &[(K, PathBuf)], keeping: &mut Keeping, text: impl Fn(K) -> String) {
    let (files, others): (Vec<_>, Vec<_>) = reports.iter().partition(|(_, path)| is_file(path));
    for (kind, path) in files.into_iter().chain(others) {
        keeping.tried(&format!("the report {}", path.display()), write(path, &text(*kind)));
    }
}

/// Tries the files of reports, before anything is sent.
///
/// # Errors
/// If one cannot be written, or is a file for something else.
pub(super) fn try_reports<K>(reports: &[(K, PathBuf)], run: Option<&Path>) -> anyhow::Result<()> {
    let paths = || reports.iter().map(|(_, path)| path);
    paths().try_for_each(|path| Places::file(path))?;
    distinct(paths(), run)
}

/// Refuses files that would be written over one another, or over what is kept in the folder of the run.
///
/// # Errors
/// Which they are.
fn distinct<'p>(paths: impl Iterator<Item = &'p PathBuf>, run: Option<&Path>) -> anyhow::Result<()> {
    let kept = run.into_iter().flat_map(|run| folder::KEPT.map(|name| run.join(name)));
    let mut taken: Vec<PathBuf> = kept.map(|path| place(&path)).collect();
    let of_run = taken.len();
    for path in paths.filter(|path| is_file(path)) {
        let own = place(path);
        match taken.iter().position(|other| *other == own) {
            Some(at) if at < of_run => {
                return Err(anyhow!("{} is a file of the run itself; name another one for the report", path.display()));
            }
            Some(_) => return Err(anyhow!("two reports go to {}; name a file for each", path.display())),
            None => taken.push(own),
        }
    }
    Ok(())
}

/// A file by its folder, whatever way leads there.
fn place(path: &Path) -> PathBuf {
    let resolved = fs::canonicalize(path).or_else(|_| {
        let name = path.file_name().unwrap_or_default();
        fs::canonicalize(parent(path)).map(|folder| folder.join(name))
    });
    resolved.unwrap_or_else(|_| path.to_path_buf())
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_for_one_thing() {
        let root = tempfile::tempdir().expect("a folder");
        let [a, b] = ["a.xml", "b.xml"].map(|name| root.path().join(name));
        let again = root.path().join("./a.xml");
        assert!(distinct([&a, &b].into_iter(), Some(root.path())).is_ok());
        assert!(distinct([&a, &b, &again].into_iter(), None).is_err());
        let own = root.path().join("summary.json");
        assert!(distinct([&own].into_iter(), Some(root.path())).is_err() && distinct([&own].into_iter(), None).is_ok());
        fs::write(&a, "old").expect("written");
        std::os::unix::fs::symlink(&a, &b).expect("a link");
        assert!(distinct([&a, &b].into_iter(), None).is_err(), "a link leads to the same");
        write(&b, "new").expect("written");
        assert_eq!(fs::read_to_string(&a).expect("a file"), "new");
        assert!(b.is_symlink());
        let device = PathBuf::from("/dev/null");
        assert!(distinct([&device, &device].into_iter(), None).is_ok() && write(&device, "x").is_ok());
    }
}
