//! What judging costs: the steps between the last byte of a reply and its place in the summary, one by one.
//!
//! `cargo bench` prints nanoseconds for each; what a step costs on one machine says little of another, so compare runs
//! of one machine. The replies are Pulze's own example and a stream that llama.cpp's server sent.

use std::fs;
use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use proofload::check::{self, Check, Verdict};
use proofload::exchange::{Arrival, Asked, Body, Exchange, Head, Outcome, Reading, Ticket};
use proofload::plan::Plan;
use proofload::profile::flags::Flags;
use proofload::profile::load::World;
use proofload::summary::evidence::Evidence;
use proofload::summary::{Judged, Summary};
use proofload::wire::Dialect;
use proofload::wire::json;
use proofload::wire::sse::Decoder;

const WHOLE: &str = "tests/it/contract/seed-response.json";
const STREAM: &str = "tests/it/captures/llamacpp-stream-usage.txt";

/// A preset's plan against an endpoint of that dialect, which is never asked.
fn plan(dialect: Dialect) -> Plan {
    let world = World { env: &|_| None, today: "2026-11-22".to_owned() };
    let flags = Flags {
        url: Some("http://127.0.0.1:9/v1".to_owned()),
        dialect: Some(dialect.name().to_owned()),
        model: Some("m".to_owned()),
        ..Flags::default()
    };
    match proofload::profile::load("quickstart", &flags, &world) {
        Ok(draft) => draft.plan(1),
        Err(problems) => panic!("{}", problems.draw(false)),
    }
}

/// The first request of the plan that asks for a stream, or for a whole reply.
fn asked(plan: &Plan, stream: bool) -> (Ticket, Asked) {
    (0..1000)
        .map(|seq| Ticket::alone(seq, plan.case_of(0, seq), Duration::from_secs(2)))
        .map(|ticket| (ticket, plan.cases[ticket.case].render(&ticket, plan.seed)))
        .find(|(_, asked)| asked.wanted.stream == stream)
        .expect("a preset has both kinds")
}

/// An exchange whose reply came in these pieces, 10 ms apart.
fn exchange(plan: &Plan, stream: bool, pieces: &[&[u8]]) -> Exchange {
    let (ticket, asked) = asked(plan, stream);
    let mut body = Body::default();
    let mut at = Duration::from_millis(2100);
    for piece in pieces {
        body.bytes.extend_from_slice(piece);
        body.arrivals.push(Arrival { at, end: body.bytes.len() });
        at += Duration::from_millis(10);
    }
    let content_type = if stream { "text/event-stream" } else { "application/json" };
    let headers = vec![("content-type".to_owned(), content_type.to_owned())];
    Exchange {
        ticket,
        asked,
        epoch: Duration::from_secs(1_795_359_200),
        eligible: ticket.due,
        sent: Some(ticket.due),
        dial: None,
        head: Some(Head { at: Duration::from_millis(2100), status: 200, version: "HTTP/1.1", headers }),
        body,
        ended: at,
        outcome: Outcome::Ok,
        cause: None,
        unjudged: false,
    }
}

/// The events of the captured stream, each as the bytes it came in, free of the framing of HTTP.
fn events() -> Vec<Vec<u8>> {
    let text = fs::read_to_string(STREAM).expect("the capture");
    let lines = text.lines().filter(|line| line.starts_with("data: "));
    lines.map(|line| format!("{line}\n\n").into_bytes()).collect()
}

fn judge(checks: &[&'static Check], exchange: &Exchange) -> usize {
    let reading = Reading::of(exchange);
    checks.iter().filter(|check| check.judge(&reading) == Verdict::Pass).count()
}

/// Parsing, and holding the value against the schema.
fn parse_and_schema(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parse and schema");
    let whole = fs::read(WHOLE).expect("the reply");
    group.bench_function("whole reply", |bencher| {
        bencher.iter(|| {
            let document = json::read(black_box(&whole)).expect("JSON");
            Dialect::Pulze.response().is_valid(&document.value)
        });
    });
    let events = events();
    let chunk = events[1].strip_prefix(b"data: ").expect("data").trim_ascii();
    group.bench_function("chunk", |bencher| {
        bencher.iter(|| {
            let document = json::read(black_box(chunk)).expect("JSON");
            Dialect::OpenAi.chunk().is_valid(&document.value)
        });
    });
}

/// Bytes to events; the figure is for one event.
fn decode(criterion: &mut Criterion) {
    let bytes = events().concat();
    let mut group = criterion.benchmark_group("server-sent events");
    group.throughput(Throughput::Elements(events().len() as u64));
    group.bench_function("decode a stream", |bencher| {
        bencher.iter(|| {
            let mut decoder = Decoder::new();
            let mut seen = 0;
            decoder.push(black_box(&bytes), |_| seen += 1);
            (decoder.finish(), seen)
        });
    });
}

/// Everything a judge does: reading, every passive check, and recording.
fn judged(criterion: &mut Criterion) {
    let events = events();
    let pieces: Vec<&[u8]> = events.iter().map(Vec::as_slice).collect();
    let whole = fs::read(WHOLE).expect("the reply");
    let cases = [
        ("whole reply", Dialect::Pulze, false, vec![whole.as_slice()]),
        ("stream of 28 events", Dialect::OpenAi, true, pieces),
    ];
    let mut group = criterion.benchmark_group("judge");
    for (name, dialect, stream, pieces) in cases {
        let plan = plan(dialect);
        let exchange = exchange(&plan, stream, &pieces);
        let checks: Vec<&'static Check> = check::all(dialect).collect();
        group.throughput(Throughput::Elements(pieces.len() as u64));
        group.bench_function(format!("read, {name}"), |bencher| bencher.iter(|| Reading::of(black_box(&exchange))));
        group.bench_function(format!("read and check, {name}"), |bencher| {
            bencher.iter(|| judge(&checks, black_box(&exchange)));
        });
        let reading = Reading::of(&exchange);
        let verdicts: Vec<(&'static Check, Verdict)> =
            checks.iter().map(|check| (*check, check.judge(&reading))).collect();
        let evidence = Evidence::of(&plan.target);
        group.bench_function(format!("record, {name}"), |bencher| {
            let judged = Judged {
                reading: &reading,
                verdicts: &verdicts,
                in_window: true,
                in_time: true,
                window_us: [0, u64::MAX],
            };
            let mut summary = Summary::new(&plan, 0);
            bencher.iter(|| summary.record(black_box(&judged), plan.goodput, &evidence));
        });
    }
}

criterion_group!(benches, parse_and_schema, decode, judged);
criterion_main!(benches);
