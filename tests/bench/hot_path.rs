//! What judging costs: the steps between the last byte of a reply and its place in the summary, one by one.
//!
//! `cargo bench` prints nanoseconds for each; what a step costs on one machine says little of another, so compare runs
//! of one machine. Instruction counts, which do not depend on the machine, are those of `instructions.py`.

use std::fs;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use proofload::check::{Check, Verdict};
use proofload::exchange::{Exchange, Reading};
use proofload::summary::Summary;
use proofload::summary::evidence::Evidence;
use proofload::wire::json;
use proofload::wire::sse::Decoder;

mod replies;

use replies::{WHOLE, checks, contract, events, exchange, judged, plan, verdicts};

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
            contract("pulze").response().is_valid(&document.value)
        });
    });
    let events = events();
    let chunk = events[1].strip_prefix(b"data: ").expect("data").trim_ascii();
    group.bench_function("chunk", |bencher| {
        bencher.iter(|| {
            let document = json::read(black_box(chunk)).expect("JSON");
            contract("openai").chunk().is_valid(&document.value)
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
fn judging(criterion: &mut Criterion) {
    let events = events();
    let pieces: Vec<&[u8]> = events.iter().map(Vec::as_slice).collect();
    let whole = fs::read(WHOLE).expect("the reply");
    let cases =
        [("whole reply", "pulze", false, vec![whole.as_slice()]), ("stream of 28 events", "openai", true, pieces)];
    let mut group = criterion.benchmark_group("judge");
    for (name, dialect, stream, pieces) in cases {
        let plan = plan(dialect);
        let exchange = exchange(&plan, stream, &pieces);
        let checks = checks(dialect);
        group.throughput(Throughput::Elements(pieces.len() as u64));
        group.bench_function(format!("read, {name}"), |bencher| bencher.iter(|| Reading::of(black_box(&exchange))));
        group.bench_function(format!("read and check, {name}"), |bencher| {
            bencher.iter(|| judge(&checks, black_box(&exchange)));
        });
        let reading = Reading::of(&exchange);
        let verdicts = verdicts(&checks, &reading);
        let evidence = Evidence::of(&plan.target);
        group.bench_function(format!("record, {name}"), |bencher| {
            let judged = judged(&reading, &verdicts);
            let mut summary = Summary::new(&plan, 0);
            bencher.iter(|| summary.record(black_box(&judged), plan.goodput, &evidence));
        });
    }
}

criterion_group!(benches, parse_and_schema, decode, judging);
criterion_main!(benches);
