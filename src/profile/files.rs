//! How files that a user names are read: all of them by the functions here, none beyond the limit of its kind.
//!
//! A limit keeps a slip of the hand, such as a path to a device or to a disk image, from filling the memory. It is far
//! above what is of use; the sizes in [`Kind`]'s constants are the only place where limits are written.

use std::fs::{File, Metadata};
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
/// What is read at a time of files that are read piece by piece.
const BUFFER: usize = 64 << 10;
/// The byte order mark.
pub(super) const MARK: &str = "\u{feff}";

/// A kind of file: what it holds, how large it may be, and what to do about one that is larger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// What it is, with its article.
    what: &'static str,
    /// The most bytes that are read.
    most: u64,
    /// What to do about a larger one.
    cure: &'static str,
}

impl Kind {
    /// A profile.
    pub const PROFILE: Kind = Kind {
        what: "a profile",
        most: 32 * MIB,
        cure: "put long texts into prompt files, and name those in the profile",
    };
    /// A list of known violations.
    pub const BASELINE: Kind =
        Kind { what: "a baseline", most: 8 * MIB, cure: "check --prune takes out what is no longer needed" };
    /// Prompts by the line or the conversation. They are read piece by piece, and all those of a profile count together.
    pub const PROMPTS: Kind = Kind {
        what: "the prompt files of a profile together",
        most: GIB,
        cure: "cut them down: a sample is drawn anyway",
    };
    /// A file that is one prompt.
    pub const PROMPT: Kind = Kind {
        what: "a prompt",
        most: 16 * MIB,
        cure: "a file with several prompts has one on each line, and a name that ends in .jsonl",
    };
    /// A line of a file with one thing on each.
    pub const LINE: Kind = Kind { what: "a line", most: 32 * MIB, cure: "write each entry on a line of its own" };
    /// Numbers of tokens, one on each line.
    pub const LENGTHS: Kind = Kind { what: "a file of lengths", most: 64 * MIB, cure: "a sample of it is as good" };
    /// Variables by row.
    pub const VARIABLES: Kind = Kind { what: "a file of variables", most: 256 * MIB, cure: "keep fewer rows" };
    /// A recording of requests.
    pub const TRACE: Kind = Kind { what: "a trace", most: GIB, cure: "cut out the hours that are to be replayed" };
    /// An image.
    pub const IMAGE: Kind = Kind { what: "an image", most: MIB, cure: "name its address in an image_url part" };
    /// A tokenizer.
    pub const TOKENIZER: Kind =
        Kind { what: "a tokenizer", most: 256 * MIB, cure: "it takes the tokenizer.json of a model, not its weights" };
    /// The facts and levels of a dialect.
    pub const CONTRACT: Kind =
        Kind { what: "a dialect", most: MIB, cure: "name the folder of a dialect, with its contract.toml" };
    /// A JSON Schema.
    pub const SCHEMA: Kind = Kind { what: "a schema", most: 16 * MIB, cure: "split it" };
    /// Certificates or keys.
    pub const PEM: Kind = Kind { what: "a PEM file", most: 4 * MIB, cure: "keep the certificates that are needed" };
    /// What is left of a run.
    pub const SUMMARY: Kind = Kind { what: "a summary", most: 512 * MIB, cure: "name the folder of a run" };
    /// What is left of a search for capacity.
    pub const SEARCH: Kind = Kind { what: "a search", most: 512 * MIB, cure: "name the folder of a search" };
    /// What a folder of several runs remembers.
    pub const SERIES: Kind = Kind { what: "a series of runs", most: 4 * MIB, cure: "name another folder" };
    /// What is left of a check.
    pub const CHECK: Kind = Kind { what: "a check", most: 512 * MIB, cure: "name the folder of a check" };
    /// What a capture was held to.
    pub const CAPTURE: Kind = Kind { what: "a capture", most: MIB, cure: "name the folder of a capture" };
    /// The exchanges of a capture, read line by line.
    pub const EXCHANGES: Kind =
        Kind { what: "the exchanges of a capture", most: 4 * GIB, cure: "capture fewer probes, with --only or --area" };
    /// A demand over time.
    pub const DEMAND: Kind = Kind { what: "a demand", most: 64 * MIB, cure: "an hour on each line is enough" };
    /// Times of an endpoint that is made up.
    pub const TIMES: Kind = Kind { what: "a trace of times", most: 64 * MIB, cure: "a part of it is as good" };
    /// All files that a profile names.
    pub const ALL: Kind = Kind {
        what: "all files that a profile names",
        most: 2 * GIB,
        cure: "name a large file once, and not in every case",
    };

    /// The most bytes that are read.
    pub fn most(&self) -> u64 {
        self.most
    }

    /// What to do about a file that is larger.
    pub fn cure(&self) -> &'static str {
        self.cure
    }
}

/// A file that is not read.
#[derive(Debug, thiserror::Error)]
pub enum Unread {
    /// The system refused it.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is no regular file, so that reading it may never end.
    #[error("it is {0}, not a file")]
    NoFile(&'static str),
    /// It is larger than files of its kind may be.
    #[error("it has {}, and {} may have at most {}", sized(*.size, .kind), .kind.what, bytes(.kind.most))]
    TooLarge {
        /// How large it is, where that is known.
        size: Option<u64>,
        /// What it was read as.
        kind: Kind,
    },
    /// It is to be text, and is not.
    #[error("it is not UTF-8 text: byte {0} is wrong")]
    NoText(usize),
}

impl Unread {
    /// What to do about it, where there is something to say.
    pub fn cure(&self) -> Option<&'static str> {
        match self {
            Unread::TooLarge { kind, .. } => Some(kind.cure),
            Unread::NoFile("a folder") => Some("name a file in it"),
            Unread::NoFile(_) => Some("write what it gives into a file first"),
            Unread::NoText(_) => Some("save it as UTF-8"),
            Unread::Io(_) => None,
        }
    }

    /// Whether there is no such file.
    pub fn is_missing(&self) -> bool {
        matches!(self, Unread::Io(error) if error.kind() == io::ErrorKind::NotFound)
    }
}

/// Reads a whole file.
///
/// # Errors
/// If it cannot be read, is no regular file, or is larger than its kind allows.
pub fn read(path: &Path, kind: Kind) -> Result<Vec<u8>, Unread> {
    let (file, size) = opened(path)?;
    if size > kind.most {
        return Err(Unread::TooLarge { size: Some(size), kind });
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    // A file of /proc states no size, and one that grows a small one.
    file.take(kind.most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > kind.most { Err(Unread::TooLarge { size: None, kind }) } else { Ok(bytes) }
}

/// Reads a whole file of text, without the byte order mark that some editors put at its beginning.
///
/// # Errors
/// As [`read`], and if it is not UTF-8.
pub fn read_text(path: &Path, kind: Kind) -> Result<String, Unread> {
    let text = String::from_utf8(read(path, kind)?);
    let text = text.map_err(|error| Unread::NoText(error.utf8_error().valid_up_to() + 1))?;
    Ok(text.strip_prefix(MARK).map(str::to_owned).unwrap_or(text))
}

/// Opens a file that is read piece by piece, behind its byte order mark, and says how large it is.
///
/// # Errors
/// As [`read`].
pub fn open(path: &Path, kind: Kind) -> Result<(impl BufRead + use<>, u64), Unread> {
    let (file, size) = opened(path)?;
    if size > kind.most {
        return Err(Unread::TooLarge { size: Some(size), kind });
    }
    let mut reader = BufReader::with_capacity(BUFFER, file.take(kind.most));
    if reader.fill_buf()?.starts_with(MARK.as_bytes()) {
        reader.consume(MARK.len());
    }
    Ok((reader, size))
}

/// Calls with each line, without its end, and its number from 1.
///
/// # Errors
/// If the file cannot be read, or a line is too long; and what the function returns.
pub fn each_line<E: From<Unread>>(
    mut reader: impl BufRead,
    mut take: impl FnMut(usize, &[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let most = Kind::LINE.most;
        let read = (&mut reader).take(most + 1).read_until(b'\n', &mut line).map_err(Unread::from)?;
        if read == 0 {
            break;
        }
        if read as u64 > most {
            return Err(Unread::TooLarge { size: None, kind: Kind::LINE }.into());
        }
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        take(number, text.strip_suffix(b"\r").unwrap_or(text))?;
    }
    Ok(())
}

/// A regular file with its size. What the shell has opened for us, as in `<(...)`, is taken for one.
fn opened(path: &Path) -> Result<(File, u64), Unread> {
    // Asked before it is opened: to open a pipe that nobody writes to takes for ever.
    let about = std::fs::metadata(path)?;
    if let Some(what) = other_than_file(&about).filter(|what| *what != PIPE || !is_ours(path)) {
        return Err(Unread::NoFile(what));
    }
    Ok((File::open(path)?, about.len()))
}

const PIPE: &str = "a named pipe";

/// Whether a path names an open descriptor of this process, which is not waited for.
fn is_ours(path: &Path) -> bool {
    ["/dev/fd", "/proc/self/fd"].iter().any(|folder| path.starts_with(folder)) || path == Path::new("/dev/stdin")
}

/// What a path leads to, where that is no regular file.
fn other_than_file(about: &Metadata) -> Option<&'static str> {
    use std::os::unix::fs::FileTypeExt as _;
    let kind = about.file_type();
    let known = [(kind.is_dir(), "a folder"), (kind.is_fifo(), PIPE), (kind.is_socket(), "a socket")];
    let other = || known.into_iter().find(|(is, _)| *is).map_or("a device", |(_, what)| what);
    (!kind.is_file()).then(other)
}

fn sized(size: Option<u64>, kind: &Kind) -> String {
    size.map_or_else(|| format!("more than {}", bytes(kind.most)), bytes)
}

/// A size in the largest unit that it fills.
fn bytes(size: u64) -> String {
    let units = [(GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")];
    match units.into_iter().find(|(unit, _)| size >= *unit) {
        Some((unit, name)) if size.is_multiple_of(unit) => format!("{} {name}", size / unit),
        Some((unit, name)) => format!("{:.1} {name}", size as f64 / unit as f64),
        None => format!("{size} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Kind = Kind { what: "a thing", most: 4, cure: "make it small" };

    #[test]
    fn a_file_is_read_up_to_its_limit() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("f");
        std::fs::write(&path, "abcd").expect("written");
        assert_eq!(read_text(&path, SMALL).expect("as large as may be"), "abcd");
        std::fs::write(&path, "abcde").expect("written");
        let error = read(&path, SMALL).expect_err("too large");
        assert_eq!(error.to_string(), "it has 5 bytes, and a thing may have at most 4 bytes");
        assert_eq!(error.cure(), Some("make it small"));
        assert!(open(&path, SMALL).is_err(), "and so where it is read piece by piece");
    }

    #[test]
    fn a_byte_order_mark_is_no_text() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("f");
        std::fs::write(&path, "\u{feff}a").expect("written");
        assert_eq!(read_text(&path, SMALL).expect("text"), "a");
        let (mut reader, size) = open(&path, SMALL).expect("opens");
        let mut text = String::new();
        reader.read_to_string(&mut text).expect("reads");
        assert_eq!((text.as_str(), size), ("a", 4));
        std::fs::write(&path, b"a\xff").expect("written");
        assert_eq!(read_text(&path, SMALL).expect_err("no text").to_string(), "it is not UTF-8 text: byte 2 is wrong");
    }

    #[test]
    fn what_states_no_size_is_read_no_further_than_its_limit() {
        assert!(matches!(read(Path::new("/proc/self/status"), SMALL), Err(Unread::TooLarge { size: None, .. })));
    }

    #[test]
    fn what_is_no_file_is_not_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("runs");
        assert!(made.success());
        for (path, what) in [(folder.path(), "a folder"), (Path::new("/dev/zero"), "a device"), (&pipe, PIPE)] {
            let error = read(path, SMALL).expect_err("not read");
            assert_eq!(error.to_string(), format!("it is {what}, not a file"));
            assert!(error.cure().is_some());
        }
        assert!(read(Path::new("/nowhere/at/all"), SMALL).expect_err("missing").is_missing());
    }

    #[test]
    fn lines_come_one_by_one_and_none_is_endless() {
        let mut seen = Vec::new();
        let mut keep = |number: usize, line: &[u8]| {
            seen.push((number, String::from_utf8_lossy(line).into_owned()));
            Ok::<(), Unread>(())
        };
        each_line(&b"a\r\n\nlast"[..], &mut keep).expect("lines");
        assert_eq!(seen, [(1, "a".to_owned()), (2, String::new()), (3, "last".to_owned())]);
        let endless = io::repeat(b'x').take(Kind::LINE.most() + 2);
        let error = each_line(BufReader::new(endless), |_, _| Ok::<(), Unread>(())).expect_err("too long");
        assert!(matches!(error, Unread::TooLarge { kind: Kind::LINE, .. }), "{error}");
    }

    #[test]
    fn sizes_are_said_in_their_largest_unit() {
        assert_eq!(
            [bytes(3), bytes(2 * KIB), bytes(GIB), bytes(GIB + GIB / 2)],
            ["3 bytes", "2 KiB", "1 GiB", "1.5 GiB"]
        );
    }
}
