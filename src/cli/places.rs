//! The places that a command will write to, tried before it sends anything, so that nothing that was measured is lost for
//! the lack of a place to keep it.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use anyhow::anyhow;

use super::{folder, github};

/// Bytes that a folder must have room for.
const ROOM: [u8; 4096] = [0; 4096];

/// The places of a command. Folders that were made for it and are still empty when this is dropped are removed again.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// Folders that were made, those above others first.
    made: Vec<PathBuf>,
}

impl Places {
    /// The folder that a run is kept in: the one that the user names, or a new one under `runs/`.
    pub(super) fn run_folder(&mut self, named: Option<&Path>, name: &str) -> anyhow::Result<PathBuf> {
        if let Some(named) = named {
            self.folder(named)?;
            return Ok(named.to_path_buf());
        }
        self.folder(Path::new(folder::RUNS))?;
        let fresh = folder::fresh_now(name)?;
        self.made.push(fresh.clone());
        Ok(fresh)
    }

    /// The same, unless nothing is to be kept.
    pub(super) fn unless(&mut self, no_out: bool, named: Option<&Path>, name: &str) -> anyhow::Result<Option<PathBuf>> {
        if no_out { Ok(None) } else { self.run_folder(named, name).map(Some) }
    }

    /// A folder, made if it is missing.
    pub(super) fn folder(&mut self, path: &Path) -> anyhow::Result<()> {
        let missing: Vec<&Path> = path.ancestors().take_while(|folder| is_missing(folder)).collect();
        let made = missing.into_iter().rev().try_for_each(|folder| match fs::create_dir(folder) {
            Ok(()) => {
                self.made.push(folder.to_path_buf());
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
            Err(error) => Err(error),
        });
        // A file without a name: it is gone when it is closed, and also when this process is killed.
        let tried = made.and_then(|()| tempfile::tempfile_in(path)).and_then(|mut file| file.write_all(&ROOM));
        tried.map_err(|error| refused("keep anything in", path, &error))
    }

    /// A file, which is not made yet, and not changed where there is one.
    pub(super) fn file(path: &Path) -> anyhow::Result<()> {
        try_file(path).map_err(|error| refused("write", path, &error))
    }

    /// The summary of a job of GitHub Actions, where this process is a step of one.
    pub(super) fn job_summary() -> anyhow::Result<()> {
        github::summary_file().map_or(Ok(()), |path| Places::file(Path::new(&path)))
    }
}

impl Drop for Places {
    fn drop(&mut self) {
        for folder in self.made.iter().rev() {
            // One that holds something is not removed.
            let _ = fs::remove_dir(folder);
        }
    }
}

fn is_missing(folder: &Path) -> bool {
    !folder.as_os_str().is_empty() && !folder.exists()
}

fn try_file(path: &Path) -> io::Result<()> {
    let about = match fs::metadata(path) {
        Ok(about) => about,
        Err(error) if error.kind() == ErrorKind::NotFound => return try_new(path),
        Err(error) => return Err(error),
    };
    if about.is_dir() {
        return Err(ErrorKind::IsADirectory.into());
    }
    // To open a pipe that nobody reads yet takes for ever.
    if about.file_type().is_fifo() || about.file_type().is_socket() {
        return Ok(());
    }
    // A device that is full refuses nothing, too.
    OpenOptions::new().append(true).open(path)?.write(&[]).map(drop)
}

fn try_new(path: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => {
            let written = file.write_all(&ROOM);
            fs::remove_file(path).and(written)
        }
        // A link to a file that is not there yet.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => match fs::read_link(path) {
            Ok(target) => try_new(&path.parent().unwrap_or(Path::new(".")).join(target)),
            Err(_) => Ok(()),
        },
        Err(error) => Err(error),
    }
}

/// What cannot be done, why, and what helps.
fn refused(what: &str, path: &Path, error: &io::Error) -> anyhow::Error {
    let parent = path.parent().filter(|parent| is_missing(parent));
    let cure = match (error.kind(), parent) {
        (ErrorKind::NotFound, Some(parent)) => format!("make its folder first: mkdir -p {}", parent.display()),
        (ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem, _) => {
            "choose one that you may write to".to_owned()
        }
        (ErrorKind::StorageFull | ErrorKind::QuotaExceeded, _) => "free some space, or choose another disk".to_owned(),
        (ErrorKind::IsADirectory, _) => "it is a folder: name a file in it".to_owned(),
        (ErrorKind::NotADirectory | ErrorKind::AlreadyExists, _) => {
            "a file is in the way: remove it, or choose another place".to_owned()
        }
        _ => "choose another place".to_owned(),
    };
    anyhow!("cannot {what} {}: {error}; {cure}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder");
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn folders_that_stay_empty_are_removed_again_and_others_stay() {
        let root = tempfile::tempdir().expect("a folder");
        let mut places = Places::default();
        places.folder(&root.path().join("a/b/c")).expect("made");
        places.folder(&root.path().join("d")).expect("made");
        assert!(root.path().join("a/b/c").is_dir());
        fs::write(root.path().join("a/kept"), "x").expect("written");
        drop(places);
        assert_eq!(
            (names(root.path()), names(&root.path().join("a"))),
            (vec!["a".to_owned()], vec!["kept".to_owned()])
        );
    }

    #[test]
    fn a_file_is_tried_and_left_as_it_was() {
        let root = tempfile::tempdir().expect("a folder");
        let path = root.path().join("report.xml");
        Places::file(&path).expect("can be written");
        assert!(!path.exists());
        fs::write(&path, "before").expect("written");
        Places::file(&path).expect("can be written");
        assert_eq!(fs::read_to_string(&path).expect("reads"), "before");
        for place in ["/dev/null", "/dev/stderr"] {
            Places::file(Path::new(place)).expect("can be written");
        }
    }

    #[test]
    fn what_is_refused_says_what_helps() {
        let root = tempfile::tempdir().expect("a folder");
        let file = root.path().join("file");
        fs::write(&file, "").expect("written");
        let said = |refused: anyhow::Result<()>| refused.expect_err("refused").to_string();
        for (refused, cure) in [
            (Places::file(Path::new("/dev/full")), "free some space"),
            (Places::file(root.path()), "it is a folder: name a file in it"),
            (Places::file(&root.path().join("none/x.xml")), "make its folder first: mkdir -p "),
            (Places::file(&file.join("x.xml")), "a file is in the way"),
            (Places::default().folder(&file), "a file is in the way"),
            (Places::default().folder(&file.join("below")), "a file is in the way"),
            (Places::default().folder(Path::new("/proc/nope")), "choose another place"),
        ] {
            let said = said(refused);
            assert!(said.contains(cure), "{said}");
        }
        assert_eq!(names(root.path()), ["file"]);
    }
}
