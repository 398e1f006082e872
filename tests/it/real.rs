//! Replies of servers that others wrote, recorded byte for byte with the times of their reads: llama.cpp's own server
//! on a tiny random model, and the LiteLLM proxy with mock models and in front of llama.cpp. What is found in each is
//! a reviewed snapshot: every broken rule names the bytes that break it.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use proofload::check::{self, Level, Verdict};
use proofload::exchange::{Arrival, Body, Cut, Exchange, Head, Outcome, Policies, Reading, Ticket};
use proofload::plan::case::{Case, Setting};

use crate::dialect::Dialect;

/// When the captures were taken.
const CAPTURED: Duration = Duration::from_secs(1_795_359_200);

/// A body with, for every offset of its framing, how much of it had come.
struct Unframed {
    bytes: Vec<u8>,
    steps: Vec<(usize, usize)>,
    complete: bool,
}

fn unframe(head: &Head, raw: &[u8]) -> Unframed {
    if head.header("transfer-encoding") != Some("chunked") {
        let complete = head.header("content-length").is_none_or(|length| length.parse() == Ok(raw.len()));
        let steps = (0..=raw.len()).map(|at| (at, at)).collect();
        return Unframed { bytes: raw.to_vec(), steps, complete };
    }
    let mut unframed = Unframed { bytes: Vec::new(), steps: vec![(0, 0)], complete: false };
    let mut at = 0;
    while let Some(end) = raw[at..].windows(2).position(|w| w == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&raw[at..at + end]).expect("a size"), 16).expect("a size");
        at += end + 2;
        if size == 0 {
            unframed.complete = true;
            break;
        }
        let chunk = &raw[at..(at + size).min(raw.len())];
        for byte in chunk {
            unframed.bytes.push(*byte);
            at += 1;
            unframed.steps.push((at, unframed.bytes.len()));
        }
        if at + 2 > raw.len() {
            break;
        }
        at += 2;
    }
    unframed
}

fn load(base: &Path) -> Exchange {
    let with = |suffix: &str| {
        fs::read(base.with_file_name(format!("{}{suffix}", base.file_name().expect("a name").to_string_lossy())))
            .expect("a capture")
    };
    let request = with(".req.txt");
    let body = &request[request.windows(4).position(|w| w == b"\r\n\r\n").expect("a head") + 4..];
    let body = serde_json::from_slice(body).unwrap_or_default();
    let setting = Setting {
        contract: Dialect::OpenAi.contract(),
        origin: "http://127.0.0.1:1".into(),
        policies: Policies::default(),
        seed: 1,
    };
    let ticket = Ticket::alone(0, 0, Duration::ZERO);
    let asked = Case::plain("captured", &body, &setting).render(&ticket, 1);
    let raw = with(".txt");
    let split = raw.windows(4).position(|w| w == b"\r\n\r\n").expect("a head") + 4;
    let text = String::from_utf8_lossy(&raw[..split]).into_owned();
    let mut lines = text.lines();
    let status =
        lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok()).expect("a status");
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let times = String::from_utf8(with(".times.tsv")).expect("text");
    let reads: Vec<(Duration, usize)> = times
        .lines()
        .skip(1)
        .map(|row| {
            let cells: Vec<&str> = row.split('\t').collect();
            let ms: f64 = cells[0].parse().expect("a time");
            (
                Duration::from_secs_f64(ms / 1000.0),
                cells[1].parse::<usize>().expect("an offset") + cells[2].parse::<usize>().expect("a length"),
            )
        })
        .collect();
    let head = Head { at: reads[0].0, status, version: "HTTP/1.1", headers };
    let unframed = unframe(&head, &raw[split..]);
    let mut arrivals: Vec<Arrival> = Vec::new();
    for (at, end) in &reads {
        let end = unframed.steps.iter().rev().find(|(raw, _)| raw + split <= *end).map_or(0, |(_, decoded)| *decoded);
        if arrivals.last().map_or(0, |last| last.end) < end {
            arrivals.push(Arrival { at: *at, end });
        }
    }
    let outcome = if unframed.complete { Outcome::of_status(status) } else { Outcome::Truncated(Cut::ShortBody) };
    Exchange {
        ticket,
        asked,
        epoch: CAPTURED,
        eligible: Duration::ZERO,
        sent: Some(Duration::ZERO),
        dial: None,
        head: Some(head),
        body: Body { bytes: unframed.bytes, arrivals },
        ended: reads.last().expect("a read").0,
        outcome,
        cause: None,
        transfer: proofload::exchange::Transfer::default(),
        unjudged: false,
    }
}

#[test]
fn what_real_servers_send_is_judged_as_reviewed() {
    let mut names: Vec<String> = fs::read_dir("tests/it/captures")
        .expect("captures")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.strip_suffix(".req.txt").map(str::to_owned))
        .collect();
    names.sort();
    assert!(names.len() > 50);
    let mut text = String::new();
    for name in names {
        let exchange = load(&Path::new("tests/it/captures").join(&name));
        let reading = Reading::of(&exchange);
        let _ = writeln!(text, "{name}: {}", reading.outcome);
        for check in check::all(&Dialect::OpenAi) {
            let verdict = check.judge(&reading);
            let Verdict::Broken { level, findings } = verdict else { continue };
            let level = level.or_else(|| check.level(&Dialect::OpenAi)).expect("a level");
            let level = match level {
                Level::Must => "MUST",
                Level::Should => "SHOULD",
                Level::May => "may",
            };
            let _ = writeln!(text, "  {level} {}: {} {}", check.id, findings[0].place(), findings[0].detail);
        }
    }
    insta::assert_snapshot!("real_servers", text);
}
