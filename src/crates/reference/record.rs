//! The endpoint's own account of every request: the ground truth that a client's figures can be held against, and the
//! access log.
//!
//! # The truth (`--truth FILE`)
//!
//! JSON lines. The first says when the server began, `{"started_unix_us": N}`; every other time in the file counts
//! microseconds from that instant on a clock that never steps. Then one line a request, in the order they ended:
//!
//! | member | |
//! |---|---|
//! | `request` | its number at this endpoint, from 0; numbers are given when the head is read |
//! | `id` | the client's own name for it: `x-request-id`, else `x-client-request-id`, else null |
//! | `head_us`, `read_us` | when its head, and all of it, was read; delays count from `read_us` |
//! | `written_us` | when each write of the body was handed to the socket layer: of a stream, each event |
//! | `ended_us` | when the body was done with: all handed over, or the client gone |
//! | `status` | the status it was answered with, null where the client had gone before |
//! | `outcome` | `complete`; `broken`, where the server cut it on purpose; `left`, where the client went or the server was stopped |
//!
//! "Handed over" is the instant at which hyper took the bytes; it writes them to the socket in the same turn, unless
//! the client reads so slowly that the socket is full.
//!
//! # The access log (`--access-log`)
//!
//! JSON lines too, one a request. Of a request it has the method and the path, never the query, a header or the body,
//! so no key gets into it.
//!
//! Both are written by a thread of their own, off the way of the requests, and are complete once [`Written::finish`]
//! has returned.

use std::io::{self, BufWriter, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use hyper::http::request::Parts;
use serde::Serialize;

use crate::wire::plain;

/// What accounts are written to.
pub type Sink = Box<dyn Write + Send>;

/// Where accounts of requests are handed in.
#[derive(Debug, Clone)]
pub struct Recorder {
    accounts: Sender<Account>,
}

/// The thread that writes the accounts down.
#[derive(Debug)]
pub struct Written {
    thread: JoinHandle<io::Result<()>>,
}

/// How an exchange ended, as the server sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Ending {
    /// All was written.
    Complete,
    /// The server broke it off on purpose.
    Broken,
    /// The client left, or the server was stopped, before all was written.
    Left,
}

/// All there is to say about one request.
#[derive(Debug)]
struct Account {
    number: u64,
    id: Option<String>,
    method: String,
    path: String,
    head: Instant,
    read: Instant,
    written: Vec<Instant>,
    bytes: usize,
    status: Option<u16>,
    ending: Ending,
    ended: Instant,
}

#[derive(Debug, Serialize)]
struct TruthLine<'a> {
    request: u64,
    id: Option<&'a str>,
    head_us: u64,
    read_us: u64,
    written_us: Vec<u64>,
    ended_us: u64,
    status: Option<u16>,
    outcome: Ending,
}

#[derive(Debug, Serialize)]
struct AccessLine<'a> {
    time: String,
    request: u64,
    method: &'a str,
    path: &'a str,
    status: Option<u16>,
    bytes: usize,
    took_us: u64,
    outcome: Ending,
}

/// Longest id that is kept of a client's.
const LONGEST_ID: usize = 128;

impl Recorder {
    /// Starts the thread that writes, and the clock.
    ///
    /// # Errors
    /// If the thread cannot be started or the first line cannot be written.
    pub fn start(truth: Option<Sink>, access: Option<Sink>) -> io::Result<(Recorder, Written)> {
        let (began, epoch) = (Instant::now(), SystemTime::now());
        let mut truth = truth.map(BufWriter::new);
        if let Some(truth) = &mut truth {
            let since = epoch.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            writeln!(truth, "{{\"started_unix_us\":{}}}", since.as_micros())?;
            truth.flush()?;
        }
        let (accounts, received) = channel();
        let writer = Writer { began, epoch, truth, access: access.map(BufWriter::new) };
        let thread = std::thread::Builder::new().name("record".to_owned()).spawn(move || writer.write(&received))?;
        Ok((Recorder { accounts }, Written { thread }))
    }
}

impl Written {
    /// Waits until every recorder is gone and all that was handed in is written.
    ///
    /// # Errors
    /// If something could not be written.
    pub fn finish(self) -> io::Result<()> {
        self.thread.join().unwrap_or_else(|_| Err(io::Error::other("the recording thread died")))
    }
}

struct Writer {
    began: Instant,
    epoch: SystemTime,
    truth: Option<BufWriter<Sink>>,
    access: Option<BufWriter<Sink>>,
}

impl Writer {
    /// Writes what comes, and flushes when nothing more is waiting. After a fault the rest is let go by.
    fn write(mut self, accounts: &Receiver<Account>) -> io::Result<()> {
        while let Ok(account) = accounts.recv() {
            self.account(&account)?;
            while let Ok(account) = accounts.try_recv() {
                self.account(&account)?;
            }
            for file in [&mut self.truth, &mut self.access].into_iter().flatten() {
                file.flush()?;
            }
        }
        Ok(())
    }

    fn account(&mut self, account: &Account) -> io::Result<()> {
        if let Some(file) = &mut self.truth {
            line(file, &account.truth(self.began))?;
        }
        if let Some(file) = &mut self.access {
            line(file, &account.access(self.epoch + account.ended.saturating_duration_since(self.began)))?;
        }
        Ok(())
    }
}

fn line(file: &mut impl Write, line: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *file, line)?;
    file.write_all(b"\n")
}

impl Account {
    fn truth(&self, began: Instant) -> TruthLine<'_> {
        let since = |instant: &Instant| microseconds(instant.saturating_duration_since(began));
        TruthLine {
            request: self.number,
            id: self.id.as_deref(),
            head_us: since(&self.head),
            read_us: since(&self.read),
            written_us: self.written.iter().map(since).collect(),
            ended_us: since(&self.ended),
            status: self.status,
            outcome: self.ending,
        }
    }

    fn access(&self, time: SystemTime) -> AccessLine<'_> {
        AccessLine {
            time: humantime::format_rfc3339_micros(time).to_string(),
            request: self.number,
            method: &self.method,
            path: &self.path,
            status: self.status,
            bytes: self.bytes,
            took_us: microseconds(self.ended.saturating_duration_since(self.head)),
            outcome: self.ending,
        }
    }
}

fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Follows one exchange and hands in its account when it is dropped, which is when the exchange is over however that
/// came about. It does nothing where nothing is recorded.
#[derive(Debug)]
pub(super) struct Witness(Option<Box<(Account, Sender<Account>)>>);

impl Witness {
    pub(super) fn new(recorder: Option<&Recorder>, head: &Parts, number: u64, began: Instant) -> Witness {
        let Some(recorder) = recorder else { return Witness(None) };
        let id = ["x-request-id", "x-client-request-id"].into_iter().find_map(|name| head.headers.get(name));
        let account = Account {
            number,
            id: id.map(|id| plain::line(&String::from_utf8_lossy(id.as_bytes())).chars().take(LONGEST_ID).collect()),
            method: head.method.to_string(),
            path: plain::line(head.uri.path()),
            head: began,
            read: began,
            written: Vec::new(),
            bytes: 0,
            status: None,
            ending: Ending::Left,
            ended: began,
        };
        Witness(Some(Box::new((account, recorder.accounts.clone()))))
    }

    fn note(&mut self, note: impl FnOnce(&mut Account)) {
        if let Some(followed) = &mut self.0 {
            note(&mut followed.0);
        }
    }

    /// The request was read whole at that instant.
    pub(super) fn read(&mut self, at: Instant) {
        self.note(|account| account.read = at);
    }

    /// The head of the reply is handed over.
    pub(super) fn answered(&mut self, status: u16) {
        self.note(|account| account.status = Some(status));
    }

    /// So many bytes of the body are handed over.
    pub(super) fn wrote(&mut self, bytes: usize) {
        self.note(|account| {
            account.written.push(Instant::now());
            account.bytes += bytes;
        });
    }

    /// The body has come to its end.
    pub(super) fn ends(&mut self, ending: Ending) {
        self.note(|account| account.ending = ending);
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        if let Some(followed) = self.0.take() {
            let (mut account, accounts) = *followed;
            account.ended = Instant::now();
            // The writer is gone only after it has met a fault, which it reports itself.
            let _ = accounts.send(account);
        }
    }
}
