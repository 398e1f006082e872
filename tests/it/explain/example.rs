//! The examples of explanations as exchanges: what is written in a fence is taken for what was on the wire.

use std::time::Duration;

use crate::dialect::Dialect;
use proofload::exchange::{Arrival, Body, Coding, Cut, Exchange, Form, Head, Outcome, Policies, Ticket, Transfer};
use proofload::plan::case::{Case, Setting};
use serde_json::{Value, json};

const MS: Duration = Duration::from_millis(1);
/// The `created` of the examples.
const EPOCH: Duration = Duration::from_secs(1_700_000_000);

/// Start line, headers and the lines of a body.
#[derive(Default)]
struct Message<'t> {
    start: &'t str,
    headers: Vec<(String, String)>,
    folded: bool,
    body: String,
}

impl<'t> Message<'t> {
    fn read(text: &'t str) -> Message<'t> {
        let mut message = Message::default();
        let mut rest = text;
        while let Some((line, after)) = rest.split_once('\n') {
            rest = after;
            match (line, line.split_once(": ")) {
                ("", _) => break,
                _ if message.start.is_empty() => message.start = line,
                _ if line.starts_with([' ', '\t']) => {
                    message.folded = true;
                    let (_, value) =
                        message.headers.last_mut().unwrap_or_else(|| panic!("nothing goes on in {line:?}"));
                    *value = format!("{value} {}", line.trim());
                }
                (_, Some((name, value))) => message.headers.push((name.to_lowercase(), value.to_owned())),
                (_, None) => panic!("no header: {line:?}"),
            }
        }
        rest.clone_into(&mut message.body);
        message
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    fn is(&self, media_type: &str) -> bool {
        self.header("content-type").is_some_and(|value| value.to_lowercase().starts_with(media_type))
    }
}

fn is_request(line: &str) -> bool {
    let mut words = line.split(' ');
    let is_method = words.next().is_some_and(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_uppercase()));
    is_method && words.next().is_some_and(|word| word.starts_with('/')) && words.next().is_none()
}

/// The messages of an example, in order: each a request where `true`, else a reply.
fn messages(text: &str) -> Vec<(bool, &str)> {
    let mut starts = Vec::new();
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let own = line.trim_end();
        if is_request(own) || own.starts_with("HTTP/1.1 ") {
            starts.push((is_request(own), offset));
        }
        offset += line.len();
    }
    assert!(starts.first().is_some_and(|(_, offset)| *offset == 0), "begins with no request and no status: {text:?}");
    let ends = starts.iter().skip(1).map(|(_, start)| *start).chain([text.len()]);
    starts.iter().zip(ends).map(|((is_request, start), end)| (*is_request, &text[*start..end])).collect()
}

/// The exchanges of an example.
pub(super) fn exchanges(text: &str, dialect: Dialect) -> Vec<Exchange> {
    let mut exchanges = Vec::new();
    let mut request = None;
    for (is_request, text) in messages(text) {
        let message = Message::read(text);
        if is_request {
            assert!(request.is_none(), "a request has no reply");
            request = Some(message);
        } else {
            let seq = u64::try_from(exchanges.len()).expect("few");
            exchanges.push(exchange(request.take(), &message, seq, dialect));
        }
    }
    assert!(request.is_none(), "a request has no reply");
    exchanges
}

fn exchange(request: Option<Message<'_>>, reply: &Message<'_>, seq: u64, dialect: Dialect) -> Exchange {
    let is_stream = reply.is("text/event-stream");
    let request = request.unwrap_or_else(|| plain(is_stream));
    let header = request.header("pulze-policies");
    let policies = header.map_or_else(Policies::default, Policies::in_header);
    let setting = Setting { contract: dialect.contract(), origin: "http://127.0.0.1:8000".into(), policies, seed: 1 };
    let ticket = Ticket::alone(seq, 0, Duration::ZERO);
    let wanted = serde_json::from_str(&request.body).ok().filter(Value::is_object).unwrap_or_else(|| json!({}));
    let mut asked = Case::plain("example", &wanted, &setting).render(&ticket, 1);
    asked.body = request.body.trim_end_matches('\n').to_owned().into();
    let status = reply.start.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.unwrap_or_else(|| panic!("no status: {:?}", reply.start));
    let Timed { bytes, arrivals, ended, cut } = timed(reply, is_stream);
    if let Some(length) = reply.header("content-length").filter(|_| !cut) {
        assert_eq!(length.parse(), Ok(bytes.len()), "content-length");
    }
    let is_coded = reply.header("content-encoding").is_some_and(|coding| coding != "identity");
    let wire = u64::try_from(bytes.len()).expect("few");
    let outcome = match cut {
        true => Outcome::Truncated(Cut::ShortBody),
        false if is_coded => Outcome::Malformed(Form::BadCoding),
        false => Outcome::of_status(status),
    };
    Exchange {
        ticket,
        asked,
        epoch: EPOCH,
        eligible: Duration::ZERO,
        sent: Some(MS),
        dial: None,
        head: Some(Head { at: MS * 5, status, version: "HTTP/1.1", headers: reply.headers.iter().cloned().collect() }),
        body: Body { bytes, arrivals },
        ended,
        outcome,
        cause: is_coded.then(|| "it cannot be decoded".to_owned()),
        transfer: Transfer {
            // Bytes that are written in an example are never compressed.
            coding: if is_coded { Coding::Broken { wire } } else { Coding::Plain },
            asked_coding: request.header("accept-encoding").is_some(),
            folded: reply.folded,
            ..Transfer::default()
        },
        unjudged: false,
    }
}

/// The plain question.
fn plain(is_stream: bool) -> Message<'static> {
    let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
    if is_stream {
        body["stream"] = json!(true);
    }
    Message { start: "POST /v1/chat/completions", body: body.to_string(), ..Message::default() }
}

/// A body with its times: bytes come together, but for where the example says that time passes.
struct Timed {
    bytes: Vec<u8>,
    arrivals: Vec<Arrival>,
    ended: Duration,
    cut: bool,
}

fn timed(reply: &Message<'_>, is_stream: bool) -> Timed {
    let mut timed = Timed { bytes: Vec::new(), arrivals: Vec::new(), ended: MS * 6, cut: false };
    let is_chunked = reply.header("transfer-encoding") == Some("chunked");
    for line in reply.body.split_inclusive('\n') {
        let own = line.trim_end_matches('\n');
        if own == "(connection closed)" {
            timed.cut = true;
        } else if let Some(pause) = pause(own) {
            timed.arrive();
            timed.ended += pause;
        } else if !(is_chunked && own.len() < 8 && u64::from_str_radix(own, 16).is_ok()) {
            timed.bytes.extend_from_slice(line.as_bytes());
        }
    }
    if !is_stream {
        timed.bytes.truncate(timed.bytes.trim_ascii_end().len());
    }
    timed.arrive();
    timed.arrivals.iter_mut().for_each(|arrival| arrival.end = arrival.end.min(timed.bytes.len()));
    timed
}

impl Timed {
    fn arrive(&mut self) {
        if self.arrivals.last().map_or(0, |last| last.end) < self.bytes.len() {
            self.ended += MS * 10;
            self.arrivals.push(Arrival { at: self.ended, end: self.bytes.len() });
        }
    }
}

/// The time that a line such as `(after 2 s)` says.
fn pause(line: &str) -> Option<Duration> {
    let said = line.strip_prefix("(after ")?.strip_suffix(')')?;
    let (number, unit) = said.split_once(' ')?;
    let unit = match unit {
        "s" => Duration::from_secs(1),
        "ms" => MS,
        _ => return None,
    };
    Some(unit * number.parse::<u32>().ok()?)
}
