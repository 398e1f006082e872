//! The rules on a run as a whole, each on a run made by hand: as it should be, and changed so that the rule is broken.

use proofload::check::{self, Verdict};
use proofload::exchange::{Exchange, Outcome, Reading};
use proofload::plan::goal::Goal;
use proofload::summary::Summary;
use proofload::summary::digest::{Digest, Judgement};

use crate::reports::{POOL, stream, summary, whole};

type Change = fn(&mut Summary);

/// The judgement of a rule on a run that had no failure, changed.
fn judged(id: &str, change: Change) -> Judgement {
    let fine = |exchange: &&Exchange| exchange.outcome == Outcome::Ok;
    let mut summary = summary(POOL.iter().filter(fine));
    change(&mut summary);
    Digest::of(&summary).checks.remove(id).unwrap_or_else(|| panic!("no rule {id}"))
}

#[test]
fn figures_of_the_run_are_judged() {
    let status = |summary: &mut Summary, status: &str, count: u64| _ = summary.statuses.insert(status.into(), count);
    let cases: [(&str, Change, &str); 13] = [
        ("load-all-schema-valid", |_| {}, "held"),
        ("load-all-schema-valid", |s| s.checks.get_mut("resp-schema").expect("judged").must = 2, "follows"),
        ("load-no-5xx", |_| {}, "held"),
        ("load-no-5xx", |s| _ = s.statuses.insert("502".into(), 3), "should"),
        ("load-overload-is-429-503", |s| _ = s.outcomes.insert("reset".into(), 3), "idle"),
        ("load-overload-is-429-503", |s| _ = s.statuses.insert("429".into(), 3), "held"),
        (
            "load-overload-is-429-503",
            |s| {
                s.statuses.insert("503".into(), 3);
                s.outcomes.insert("reset".into(), 1);
            },
            "should",
        ),
        ("load-tokens-from-usage", |s| (s.counts.tokens_from_usage, s.counts.tokens_from_events) = (0, 9), "idle"),
        ("load-tokens-from-usage", |s| s.counts.tokens_from_events = 0, "held"),
        ("load-tokens-from-usage", |s| s.counts.tokens_from_events = 1, "should"),
        ("load-client-not-bottleneck", |s| s.counts.unjudged = 1, "must"),
        ("load-client-not-bottleneck", |s| s.meta.rate_per_s = None, "idle"),
        ("load-conn-reuse", |s| s.health.dials = 4, "held"),
    ];
    for (number, (id, change, expected)) in cases.into_iter().enumerate() {
        let judgement = judged(id, change);
        let found = match (judgement.must, judgement.should, judgement.pass) {
            (1.., _, _) => "must",
            (_, 1.., _) => "should",
            _ if !judgement.follows.is_empty() => "follows",
            (_, _, 1..) => "held",
            (0, 0, 0) => "idle",
        };
        assert_eq!(found, expected, "case {number}: {judgement:?}");
        assert_eq!(judgement.across.is_some(), judgement.fail > 0, "case {number}: {judgement:?}");
    }
    let told = judged("load-conn-reuse", |s| s.health.dials = 4);
    assert!(told.notes[0].text.starts_with("4 connections for "), "{told:?}");
    let mut overloaded = summary(POOL.iter());
    status(&mut overloaded, "429", 1);
    let digest = Digest::of(&overloaded);
    assert_eq!(digest.checks["load-overload-is-429-503"].should, 2, "one connection refused, one timeout");
}

#[test]
fn what_the_run_is_judged_by_fails_it_once() {
    let mut broken = summary(POOL.iter());
    broken.counts.unjudged = 1;
    broken.checks.get_mut("resp-schema").expect("judged").must = 2;
    let digest = Digest::of(&broken);
    let about = |id: &str| digest.reasons.iter().filter(|reason| reason.contains(id)).count();
    let twice = about("load-all-schema-valid") + about("load-client-not-bottleneck");
    assert_eq!((about("MUST resp-schema"), twice, about("unjudged")), (1, 0, 1), "{:?}", digest.reasons);
}

#[test]
fn a_rule_over_the_run_counts_requests_and_none_of_them_twice() {
    let asked = &POOL.iter().find(|exchange| !exchange.asked.wanted.stream).expect("a whole one").asked;
    let answer = |seq| Exchange { asked: asked.clone(), ..whole(seq, 14) };
    let answers: Vec<Exchange> = (100..220).map(answer).collect();
    let judged = |answers: &[Exchange]| {
        let run = summary(answers);
        let judgement = Digest::of(&run).checks.remove("resp-id-unique").expect("judged");
        let metric = Goal::parse("check.resp-id-unique.fail_fraction < 1%").expect("a goal").metric;
        (judgement.pass, judgement.fail, judgement.must, run.value(metric))
    };
    assert_eq!(judged(&answers), (120, 0, 0, Some(0.0)));
    // The first is unlike all before it.
    let alike: Vec<Exchange> = answers.into_iter().map(|exchange| renamed(exchange, "chatcmpl-100")).collect();
    assert_eq!(judged(&alike), (1, 119, 119, Some(119.0 / 120.0)));
}

/// A reply with another id of the same length.
fn renamed(mut exchange: Exchange, id: &str) -> Exchange {
    let own = format!("chatcmpl-{}", exchange.ticket.seq);
    let text = String::from_utf8(exchange.body.bytes).expect("UTF-8");
    exchange.body.bytes = text.replace(&own, id).into_bytes();
    exchange
}

/// Exchanges with another text in the place of one.
fn replaced(exchanges: Vec<Exchange>, from: &str, to: impl Fn(u64) -> String) -> Vec<Exchange> {
    let change = |mut exchange: Exchange| {
        let text = String::from_utf8(exchange.body.bytes).expect("UTF-8");
        exchange.body.bytes = text.replace(from, &to(exchange.ticket.seq)).into_bytes();
        let end = exchange.body.bytes.len();
        exchange.body.arrivals.truncate(1);
        exchange.body.arrivals[0].end = end;
        exchange
    };
    exchanges.into_iter().map(change).collect()
}

fn across(id: &str, exchanges: &[Exchange]) -> (u64, Option<String>) {
    let judgement = Digest::of(&summary(exchanges)).checks.remove(id).expect("a rule");
    (judgement.fail, judgement.across)
}

/// Exchanges of the streamed case, whose prompts carry a tag.
fn streams(count: usize) -> Vec<Exchange> {
    let streamed = |seq: &u64| POOL.get(usize::try_from(*seq).expect("few")).is_some_and(|e| e.asked.wanted.stream);
    (0..60).filter(streamed).take(count).map(|seq| stream(seq, true)).collect()
}

#[test]
fn answers_that_come_again_are_found_over_the_run() {
    let id = "load-no-replayed-answers";
    let long = "a stone stands in the river, and the water goes around it without a word ";
    assert_eq!(streams(24).len(), 24);
    assert_eq!(across(id, &streams(24)).0, 0, "short answers may be the same");
    let same = replaced(streams(24), "river ", |_| long.to_owned());
    let (repeats, detail) = across(id, &same);
    let measured = same.iter().filter(|exchange| !exchange.ticket.warmup).count() as u64;
    assert!(
        repeats == measured.min(23) && detail.is_some_and(|text| text.starts_with("4 % are distinct")),
        "{repeats}"
    );
    assert_eq!(across(id, &replaced(streams(24), "river ", |seq| format!("{seq} {long}"))).0, 0);
    assert_eq!(across(id, &same[..12]).0, 0, "too few to say");
}

#[test]
fn a_model_or_a_fingerprint_that_changes_is_found_over_the_run() {
    let asked = &POOL.iter().find(|exchange| !exchange.asked.wanted.stream).expect("a whole one").asked;
    let exchanges = || (10..20).map(|seq| Exchange { asked: asked.clone(), ..whole(seq, 14) }).collect::<Vec<_>>();
    let model = |seq: u64| format!("\"model\":\"m{}\"", if seq == 15 { "-other" } else { "" });
    let changed = replaced(exchanges(), "\"model\":\"m\"", model);
    assert_eq!(across("load-model-constant", &exchanges()), (0, None));
    assert_eq!(across("load-model-constant", &changed).0, 1);
    let print = |seq: u64| format!("\"model\":\"m\",\"system_fingerprint\":\"fp{}\"", u64::from(seq > 17));
    let (fail, detail) = across("load-fingerprint-changes", &replaced(exchanges(), "\"model\":\"m\"", print));
    assert_eq!((fail, detail.as_deref()), (2, Some("m: fp0 in request 10, fp1 in request 18")));
    assert_eq!(across("load-fingerprint-changes", &exchanges()).0, 0);
}

#[test]
fn an_error_in_a_success_that_counts_as_ok_is_our_fault() {
    let check = check::find("load-inband-failures-counted").expect("a rule");
    let told = replaced(vec![whole(10, 14)], "\"id\"", |_| "\"error\":{\"message\":\"no\"},\"id\"".to_owned());
    let mut reading = Reading::of(&told[0]);
    assert_eq!(check.judge(&reading), Verdict::Pass);
    reading.outcome = Outcome::Ok;
    assert!(matches!(check.judge(&reading), Verdict::Broken { .. }));
}
