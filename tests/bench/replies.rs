//! Replies to judge: Pulze's own example, and a stream that llama.cpp's server sent.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use proofload::check::{self, Check, Verdict};
use proofload::exchange::{Arrival, Asked, Body, Exchange, Head, Outcome, Reading, Ticket};
use proofload::plan::Plan;
use proofload::profile::contracts;
use proofload::profile::flags::Flags;
use proofload::profile::load::World;
use proofload::summary::Judged;
use proofload::wire::Contract;

pub(crate) const WHOLE: &str = "tests/it/contract/seed-response.json";
const STREAM: &str = "tests/it/captures/llamacpp-stream-usage.txt";

/// The contract of that name.
pub(crate) fn contract(dialect: &str) -> Arc<Contract> {
    contracts::find(dialect).expect("a dialect")
}

/// A preset's plan against an endpoint of that dialect, which is never asked.
pub(crate) fn plan(dialect: &str) -> Plan {
    let world = World { env: &|_| None, today: "2026-11-22".to_owned(), salt: 1 };
    let flags = Flags {
        url: Some("http://127.0.0.1:9/v1".to_owned()),
        dialect: Some(dialect.to_owned()),
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
pub(crate) fn exchange(plan: &Plan, stream: bool, pieces: &[&[u8]]) -> Exchange {
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
        head: Some(Head {
            at: Duration::from_millis(2100),
            status: 200,
            version: "HTTP/1.1",
            headers: headers.into_iter().collect(),
        }),
        body,
        ended: at,
        outcome: Outcome::Ok,
        cause: None,
        transfer: proofload::exchange::Transfer::default(),
        unjudged: false,
    }
}

/// The events of the captured stream, each as the bytes it came in, free of the framing of HTTP.
pub(crate) fn events() -> Vec<Vec<u8>> {
    let text = fs::read_to_string(STREAM).expect("the capture");
    let lines = text.lines().filter(|line| line.starts_with("data: "));
    lines.map(|line| format!("{line}\n\n").into_bytes()).collect()
}

/// The rules that are judged on any reply, by id, as a judge has them.
pub(crate) fn checks(dialect: &str) -> Vec<&'static Check> {
    let mut checks: Vec<&'static Check> = check::all(&contract(dialect)).collect();
    checks.sort_unstable_by_key(|check| check.id);
    checks
}

/// What the rules say of a reply.
pub(crate) fn verdicts(checks: &[&'static Check], reading: &Reading<'_>) -> Vec<(&'static Check, Verdict)> {
    checks.iter().map(|check| (*check, check.judge(reading))).collect()
}

/// A reply of the measured part, as it is recorded.
pub(crate) fn judged<'r>(reading: &'r Reading<'r>, verdicts: &'r [(&'static Check, Verdict)]) -> Judged<'r> {
    Judged { reading, verdicts, in_window: true, in_time: true, window_us: [0, u64::MAX], turns: None }
}
