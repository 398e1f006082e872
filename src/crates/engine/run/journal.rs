//! A line of JSON for each exchange, compressed: `exchanges.jsonl.zst`.
//!
//! A thread of its own writes it, behind a queue that is capped in bytes: what does not fit is dropped and counted, so
//! neither senders nor judges ever wait for a disk. The file is a series of zstd frames of about a megabyte or a few
//! seconds each, so memory is bounded, and a process that is killed loses no more than the last of them. Its last line says
//! how many lines there are and how many were dropped.

use std::fs::File;
use std::io::Write as _;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;

use super::clock::micros;
use crate::check::{Check, Verdict};
use crate::exchange::{Body, Exchange, Outcome, Reading, TokenSource, Tokens};
use crate::plan::secret::Redactor;
use crate::wire::plain;

/// Exchanges that may wait to be written.
const BACKLOG_BYTES: usize = 64 << 20;
/// What an exchange takes beside its body.
const OVERHEAD_BYTES: usize = 1 << 10;
/// Text of a frame.
const FRAME_BYTES: usize = 1 << 20;
/// How long a frame waits for more text after its first line. No line is to wait longer than five seconds, and writing takes
/// some time, too.
const FRAME_TIME: Duration = Duration::from_secs(4);

/// A journal that is being written.
#[derive(Debug)]
pub struct Journal {
    inbox: Mutex<Option<Sender<Entry>>>,
    thread: Mutex<Option<JoinHandle<std::io::Result<u64>>>>,
    backlog: Arc<AtomicUsize>,
    dropped: Arc<AtomicU64>,
    bodies: bool,
}

/// How a journal ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Exchanges that are in it.
    pub written: u64,
    /// Exchanges that are not, because the disk could not keep up.
    pub dropped: u64,
}

/// An exchange with what was found of it.
#[derive(Debug)]
struct Entry {
    exchange: Exchange,
    found: Found,
}

/// What reading and judging found of an exchange.
#[derive(Debug)]
pub(super) struct Found {
    outcome: Outcome,
    cause: Option<String>,
    first_token_us: Option<u64>,
    last_token_us: Option<u64>,
    tokens: Option<Tokens>,
    broken: Vec<&'static str>,
    must_broken: Vec<&'static str>,
}

impl Found {
    pub(super) fn of(reading: &Reading<'_>, verdicts: &[(&'static Check, Verdict)]) -> Found {
        let broken = verdicts.iter().filter(|(_, verdict)| matches!(verdict, Verdict::Broken { .. }));
        let contract = &reading.exchange.asked.wanted.contract;
        let must_broken = verdicts.iter().filter(|(check, verdict)| verdict.breaks_must(check, contract));
        Found {
            outcome: reading.outcome,
            cause: reading.cause(),
            first_token_us: reading.first_token().map(micros),
            last_token_us: reading.last_token().map(micros),
            tokens: reading.tokens(),
            broken: broken.map(|(check, _)| check.id).collect(),
            must_broken: must_broken.map(|(check, _)| check.id).collect(),
        }
    }
}

impl Journal {
    /// Begins a journal, with the bodies of requests and replies if they are wanted; secrets are taken out of it.
    ///
    /// # Errors
    /// If the system refuses a thread.
    pub fn start(file: File, bodies: bool, redactor: Redactor) -> std::io::Result<Journal> {
        let (inbox, entries) = channel();
        let (backlog, dropped) = (Arc::<AtomicUsize>::default(), Arc::<AtomicU64>::default());
        let writer = Writer { file, bodies, redactor, text: Vec::new(), began: None, lines: 0 };
        let (waiting, lost) = (Arc::clone(&backlog), Arc::clone(&dropped));
        let write = move || writer.write_all(&entries, &waiting, &lost);
        let thread = std::thread::Builder::new().name("journal".to_owned()).spawn(write)?;
        Ok(Journal { inbox: Mutex::new(Some(inbox)), thread: Mutex::new(Some(thread)), backlog, dropped, bodies })
    }

    /// Hands an exchange over. Never waits.
    pub(super) fn offer(&self, mut exchange: Exchange, found: Found) {
        if !self.bodies {
            exchange.body = Body::default();
        }
        let bytes = size(&exchange, self.bodies);
        if self.backlog.load(Ordering::Relaxed) + bytes > BACKLOG_BYTES {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.backlog.fetch_add(bytes, Ordering::Relaxed);
        let inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        // A writer that gave up has closed its end; what it could not write counts as dropped.
        if inbox.as_ref().is_none_or(|inbox| inbox.send(Entry { exchange, found }).is_err()) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until all is written.
    ///
    /// # Errors
    /// If the file could not be written; what came before is in it.
    pub fn finish(&self) -> std::io::Result<Kept> {
        drop(self.inbox.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let died = |_| Err(std::io::Error::other("the thread of the journal died"));
        let written = thread.map_or(Ok(0), |thread| thread.join().unwrap_or_else(died))?;
        Ok(Kept { written, dropped: self.dropped.load(Ordering::Relaxed) })
    }
}

fn size(exchange: &Exchange, bodies: bool) -> usize {
    let asked = if bodies { exchange.asked.body.len() } else { 0 };
    let arrivals = size_of_val(exchange.body.arrivals.as_slice());
    OVERHEAD_BYTES + exchange.body.bytes.len() + arrivals + asked
}

struct Writer {
    file: File,
    bodies: bool,
    redactor: Redactor,
    text: Vec<u8>,
    /// When the first line of the frame was added; none where it has no line.
    began: Option<Instant>,
    lines: u64,
}

impl Writer {
    fn write_all(
        mut self,
        entries: &Receiver<Entry>,
        backlog: &AtomicUsize,
        dropped: &AtomicU64,
    ) -> std::io::Result<u64> {
        loop {
            match entries.recv_timeout(self.left()) {
                Ok(entry) => {
                    self.add(&Line::of(&entry, self.bodies, &self.redactor))?;
                    self.lines += 1;
                    backlog.fetch_sub(size(&entry.exchange, self.bodies), Ordering::Relaxed);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if self.text.len() >= FRAME_BYTES || self.left().is_zero() {
                self.end_frame()?;
            }
        }
        let end = Journaled { written: self.lines, dropped: dropped.load(Ordering::Relaxed) };
        self.add(&End { journal: end })?;
        self.end_frame()?;
        self.file.sync_all()?;
        Ok(self.lines)
    }

    /// How long the frame may wait for more text.
    fn left(&self) -> Duration {
        self.began.map_or(FRAME_TIME, |began| FRAME_TIME.saturating_sub(began.elapsed()))
    }

    fn add(&mut self, line: &impl Serialize) -> std::io::Result<()> {
        self.began.get_or_insert_with(Instant::now);
        serde_json::to_writer(&mut self.text, line)?;
        self.text.push(b'\n');
        Ok(())
    }

    fn end_frame(&mut self) -> std::io::Result<()> {
        let frame = compress_to_vec(self.text.as_slice(), CompressionLevel::Fastest);
        self.text.clear();
        self.began = None;
        self.file.write_all(&frame)
    }
}

/// A line of a journal: an exchange, or the last, which says how many there are.
#[derive(JsonSchema)]
#[schemars(title = "proofload journal", untagged)]
#[expect(dead_code, reason = "it describes what is written, and is never made")]
enum Lines<'e> {
    Exchange(Box<Line<'e>>),
    End(End),
}

/// The JSON Schema of a line; `schemas/journal.json` is this, committed.
pub fn schema() -> serde_json::Value {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<Lines<'_>>().to_value()
}

/// The last line of a journal.
#[derive(Serialize, JsonSchema)]
struct End {
    /// How the journal ended.
    journal: Journaled,
}

/// How a journal ended.
#[derive(Serialize, JsonSchema)]
struct Journaled {
    /// Exchanges that are in it.
    written: u64,
    /// Exchanges that are not, because the disk could not keep up.
    dropped: u64,
}

/// An exchange; every time is in microseconds from the start of the run.
#[derive(Serialize, JsonSchema)]
struct Line<'e> {
    /// Its number, in the order in which exchanges were due.
    seq: u64,
    /// Its case.
    case: &'e str,
    /// The number of its load, from 0.
    load: usize,
    /// The number of the exchange that began its session; its own where it stands alone.
    session: u64,
    /// Which turn of its session it was, from 1.
    turn: u64,
    /// Whether it was warm-up, which is in no figure.
    warmup: bool,
    /// When the plan said it was to be sent.
    due_us: u64,
    /// When the cap on requests in flight let it go.
    eligible_us: u64,
    /// When it was handed to the client; null if it never was.
    sent_us: Option<u64>,
    /// When the opening of a connection for it began and ended, where one was opened.
    connect_us: Option<[u64; 2]>,
    /// When status and headers were there.
    head_us: Option<u64>,
    /// When the first content came.
    first_token_us: Option<u64>,
    /// When the last content came.
    last_token_us: Option<u64>,
    /// When it was over.
    ended_us: u64,
    /// What became of it, as in the summary's outcomes.
    outcome: &'static str,
    /// The kind of that outcome, where it has kinds.
    class: Option<&'static str>,
    /// What went wrong, in words.
    cause: Option<String>,
    /// The HTTP status.
    status: Option<u16>,
    /// The reply's `x-request-id`.
    request_id: Option<String>,
    /// Tokens of the prompt.
    prompt_tokens: Option<f64>,
    /// Tokens of the reply.
    completion_tokens: Option<f64>,
    /// Tokens of the prompt that came from a cache.
    cached_tokens: Option<f64>,
    /// Tokens that the reply holds: of those generated no reasoning that was kept back, no rejected prediction.
    delivered_tokens: Option<f64>,
    /// Where these counts come from: `usage`, a `tokenizer`, or `events` with content.
    tokens_from: Option<&'static str>,
    /// Checks that it broke.
    broken: &'e [&'static str],
    /// Of these, those that it broke as a MUST.
    must_broken: &'e [&'static str],
    /// Whether it was not judged, because the judges could not keep up.
    unjudged: bool,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    bodies: Option<Bodies>,
}

/// What was sent and what came, as text; bytes that are no UTF-8 are replaced, and secrets masked byte for byte.
#[derive(Serialize, JsonSchema)]
struct Bodies {
    /// The body of the request.
    request: String,
    /// The body of the reply.
    reply: String,
    /// Instants at which parts of the reply came, each with the offset behind its last byte.
    arrivals: Vec<(u64, usize)>,
}

impl<'e> Line<'e> {
    fn of(entry: &'e Entry, bodies: bool, redactor: &Redactor) -> Line<'e> {
        let Entry { exchange, found } = entry;
        let text = |bytes: &[u8]| String::from_utf8_lossy(&redactor.mask_bytes(bytes)).into_owned();
        let id = exchange.head.as_ref().and_then(|head| head.header("x-request-id"));
        Line {
            seq: exchange.ticket.seq,
            case: &exchange.asked.wanted.case,
            load: exchange.ticket.load,
            session: exchange.ticket.session,
            turn: exchange.ticket.turn + 1,
            warmup: exchange.ticket.warmup,
            due_us: micros(exchange.ticket.due),
            eligible_us: micros(exchange.eligible),
            sent_us: exchange.sent.map(micros),
            connect_us: exchange.dial.map(|dial| [dial.began, dial.ended].map(micros)),
            head_us: exchange.head.as_ref().map(|head| micros(head.at)),
            first_token_us: found.first_token_us,
            last_token_us: found.last_token_us,
            ended_us: micros(exchange.ended),
            outcome: found.outcome.name(),
            class: found.outcome.class(),
            cause: found.cause.as_deref().map(|cause| plain::line(&redactor.clean(cause))),
            status: exchange.status(),
            request_id: id.map(|id| plain::line(&redactor.clean(id))),
            prompt_tokens: found
                .tokens
                .filter(|tokens| tokens.source == TokenSource::Usage)
                .map(|tokens| tokens.prompt),
            completion_tokens: found.tokens.map(|tokens| tokens.completion),
            cached_tokens: found.tokens.map(|tokens| tokens.cached),
            delivered_tokens: found.tokens.map(|tokens| tokens.delivered),
            tokens_from: found.tokens.map(|tokens| tokens.source.name()),
            broken: &found.broken,
            must_broken: &found.must_broken,
            unjudged: exchange.unjudged,
            bodies: bodies.then(|| Bodies {
                request: text(&exchange.asked.body),
                reply: text(&exchange.body.bytes),
                arrivals: exchange.body.arrivals.iter().map(|arrival| (micros(arrival.at), arrival.end)).collect(),
            }),
        }
    }
}
