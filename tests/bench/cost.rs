//! One step of judging, a number of times: what `instructions.py` counts the instructions of.
//!
//! `cost STEP COUNT`, with a step of [`STEPS`].

use std::fs;
use std::hint::black_box;

use proofload::exchange::Reading;
use proofload::summary::Summary;
use proofload::summary::evidence::Evidence;
use proofload::wire::json;
use proofload::wire::sse::Decoder;

mod replies;

use replies::{WHOLE, checks, contract, events, exchange, judged, plan, verdicts};

const STEPS: &str = "parse, schema, decode, {read, judge, record}-{reply, stream, long}";
/// Events with content of a long stream beside those of the short one.
const MORE: usize = 1000;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (step, count) = (arguments.next().unwrap_or_default(), arguments.next());
    let count: u32 = count.and_then(|count| count.parse().ok()).unwrap_or_else(|| panic!("cost STEP COUNT; {STEPS}"));
    match step.as_str() {
        "parse" => {
            let whole = fs::read(WHOLE).expect("the reply");
            repeat(count, || json::read(black_box(&whole)));
        }
        "schema" => {
            let whole = json::read(&fs::read(WHOLE).expect("the reply")).expect("JSON");
            repeat(count, || contract("pulze").response().is_valid(black_box(&whole.value)));
        }
        "decode" => {
            let bytes = events().concat();
            repeat(count, || {
                let mut decoder = Decoder::new();
                let mut seen = 0;
                decoder.push(black_box(&bytes), |_| seen += 1);
                (decoder.finish(), seen)
            });
        }
        _ => {
            let (work, kind) = step.split_once('-').unwrap_or_else(|| panic!("no such step; {STEPS}"));
            judge(work, kind, count);
        }
    }
}

fn judge(work: &str, kind: &str, count: u32) {
    let stream = kind != "reply";
    let dialect = if stream { "openai" } else { "pulze" };
    let mut pieces = if stream { events() } else { vec![fs::read(WHOLE).expect("the reply")] };
    if kind == "long" {
        let again = vec![pieces[2].clone(); MORE];
        pieces.splice(3..3, again);
    }
    let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
    let plan = plan(dialect);
    let exchange = exchange(&plan, stream, &pieces);
    let checks = checks(dialect);
    match work {
        "read" => repeat(count, || Reading::of(black_box(&exchange))),
        "judge" => repeat(count, || verdicts(&checks, &Reading::of(black_box(&exchange)))),
        "record" => {
            let reading = Reading::of(&exchange);
            let verdicts = verdicts(&checks, &reading);
            let evidence = Evidence::of(&plan.target);
            let judged = judged(&reading, &verdicts);
            let mut summary = Summary::new(&plan, 0);
            repeat(count, || summary.record(black_box(&judged), plan.goodput, &evidence));
        }
        _ => panic!("no such step; {STEPS}"),
    }
}

fn repeat<T>(count: u32, mut step: impl FnMut() -> T) {
    for _ in 0..count {
        black_box(step());
    }
}
