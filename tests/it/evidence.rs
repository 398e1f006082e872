//! Faults by kind: one does not hide another, each shows where it is and what came, and a baseline that was taken from
//! one excuses no other.

use std::fs;

use proofload::exchange::Exchange;
use proofload::report::{Format, write};
use proofload::summary::Summary;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::conformance::{Said, folder, say};
use crate::harness::{Raw, begin, chunk, completion, reply};
use crate::reports::{PLAN, exchange, stream, summary};

const FINISH: &str = "stream-finish-once";

/// The events of a stream in which each choice ends as often as the list says.
fn events(seq: u64, ends: &[usize]) -> Vec<String> {
    let piece = |index: usize, delta: Value, finish: Value| {
        let choices = json!([{"index": index, "delta": delta, "finish_reason": finish}]);
        let chunk = json!({"id": format!("chatcmpl-{seq}"), "object": "chat.completion.chunk", "created": 1_795_000_000,
            "model": "m", "choices": choices});
        format!("data: {chunk}\n\n")
    };
    let mut events = Vec::new();
    for (index, ends) in ends.iter().enumerate() {
        events.push(piece(index, json!({"role": "assistant", "content": "The river is wide."}), Value::Null));
        events.extend((0..*ends).map(|_| piece(index, json!({}), json!("stop"))));
    }
    events.push("data: [DONE]\n\n".to_owned());
    events
}

/// The numbers of the plan's streamed requests after its warm-up.
fn streamed(number: usize) -> u64 {
    let is_streamed = |seq: &u64| PLAN.cases[PLAN.case_of(0, *seq)].name == "streamed";
    (10..).filter(is_streamed).nth(number).expect("endless")
}

fn ending(number: usize, ends: &[usize]) -> Exchange {
    let seq = streamed(number);
    exchange(seq, 200, "text/event-stream", &events(seq, ends))
}

/// Streams that end twice, or not at all, and those that do both.
fn broken(number: usize) -> Exchange {
    match number % 5 {
        0 => ending(number, &[2]),
        1 => ending(number, &[0]),
        2 => ending(number, &[0, 3]),
        3 => stream(streamed(number), false),
        _ => exchange(streamed(number), 502, "text/html", &["<html><title>502 Bad Gateway</title></html>".to_owned()]),
    }
}

#[test]
fn two_faults_of_one_rule_are_both_told_with_what_shows_them() {
    let run = summary(&[ending(0, &[2]), ending(1, &[2]), ending(2, &[0])]);
    let (first, last) = (streamed(0), streamed(2));
    let faults: Vec<(&str, u64, u64, &str)> = run.checks[FINISH]
        .examples
        .iter()
        .map(|example| (example.fault.as_str(), example.count, example.seq, example.place.as_str()))
        .collect();
    let missing = ("missing", 1, last, "/choices/0/finish_reason");
    assert_eq!(faults, [("repeated", 2, first, "event 2 /choices/0/finish_reason"), missing]);
    let text = write(&run, Format::Text).split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        format!("1 x missing, request {last}").as_str(),
        &format!("2 x repeated, request {first}"),
        "expected one finish_reason of choice 0, got 2, in events 1, 2",
        "/choices/0/finish_reason: \"stop\"",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    let page = write(&run, Format::Html);
    assert!(page.contains(&format!("2 x repeated, first in request {first}")), "{page}");
}

#[test]
fn a_page_in_the_place_of_json_is_called_one() {
    let run = summary(&[broken(4)]);
    let example = &run.checks["err-json-body"].examples[0];
    assert_eq!(example.detail, "expected JSON, got an HTML page: 502 Bad Gateway");
    let shown: Vec<(&str, &str)> = example.shows.iter().map(|e| (e.what.as_str(), e.text.as_str())).collect();
    assert_eq!(shown, [("the body of the 502", "an HTML page: 502 Bad Gateway")]);
    assert_eq!(run.failures.ranked()[0].0, "server_error: an HTML page: 502 Bad Gateway");
}

#[test]
fn an_end_shows_the_last_two_events() {
    let mut said = events(streamed(3), &[1]);
    assert_eq!(said.pop().as_deref(), Some("data: [DONE]\n\n"));
    let run = summary(&[exchange(streamed(3), 200, "text/event-stream", &said)]);
    let example = &run.checks["stream-done-present"].examples[0];
    let whats: Vec<&str> = example.shows.iter().map(|excerpt| excerpt.what.as_str()).collect();
    assert_eq!(whats, ["event 0", "event 1, the last"]);
    assert!(example.shows[1].text.contains("\"stop\""), "{:?}", example.shows);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn parts_of_a_run_merge_in_any_order_to_the_same_faults(places in prop::collection::vec(0_usize..3, 20), turned in any::<bool>()) {
        let exchanges: Vec<Exchange> = (0..20).map(broken).collect();
        let part = |wanted: usize| {
            let ours = exchanges.iter().zip(&places).filter(|(_, place)| **place == wanted).map(|(exchange, _)| exchange);
            if turned { summary(ours.collect::<Vec<_>>().into_iter().rev()) } else { summary(ours) }
        };
        let merged = |order: [usize; 3]| {
            let mut whole = summary(std::iter::empty());
            for number in order {
                whole.merge(part(number)).expect("of one run");
            }
            whole.checks
        };
        let whole: Summary = summary(&exchanges);
        prop_assert_eq!(&merged([0, 1, 2]), &whole.checks);
        prop_assert_eq!(&merged([2, 0, 1]), &whole.checks);
    }
}

/// An endpoint whose streams end as the list says.
fn serving(ends: &'static [usize]) -> Raw {
    Raw::start(move |stream, request| {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        if body["stream"] != json!(true) {
            return reply(stream, "200 OK", "application/json", completion().to_string().as_bytes());
        }
        begin(stream, "text/event-stream");
        for event in events(1, ends) {
            chunk(stream, event.as_bytes());
        }
        chunk(stream, b"");
        true
    })
}

fn checked(place: &std::path::Path, url: &str, more: &[&str]) -> Said {
    let basic = ["check", url, "--only", "stream-finish-once,auth-valid-accepted", "--model", "m", "--no-out"];
    say(place, &[&basic[..], &["--baseline", "known.toml", "--format", "json"], more].concat())
}

#[test]
fn a_baseline_of_one_fault_excuses_no_other_of_the_rule() {
    let place = folder();
    let (none, twice, both) = (serving(&[0]), serving(&[2]), serving(&[2, 0]));
    let said = checked(place.path(), &none.url(), &["--update-baseline"]);
    assert_eq!((said.code, said.status(FINISH).as_str()), (0, "XFAIL"), "{}\n{}", said.out, said.err);
    let written = fs::read_to_string(place.path().join("known.toml")).expect("written");
    assert!(written.contains("signature = \"missing-"), "{written}");

    assert_eq!(checked(place.path(), &none.url(), &[]).code, 0);
    let said = checked(place.path(), &twice.url(), &[]);
    assert_eq!((said.code, said.status(FINISH).as_str()), (1, "FAIL"), "{}", said.out);
    let said = checked(place.path(), &both.url(), &[]);
    assert_eq!(said.code, 1, "{}", said.out);
    let findings = said.json()["checks"][FINISH]["findings"].clone();
    assert_eq!([&findings[0]["fault"], &findings[1]["fault"]], ["repeated", "missing"], "{findings}");
    assert!(said.json()["checks"][FINISH]["reason"].as_str().is_some_and(|r| r.starts_with("1 of 2 kinds")));
}

#[test]
fn a_baseline_of_the_older_form_is_read_said_to_be_coarse_and_written_anew() {
    let (place, none) = (folder(), serving(&[0]));
    // What the place and no status come to, as earlier versions wrote it.
    let old = format!(
        "{:08x}",
        xxhash_rust::xxh3::xxh3_64(format!("{FINISH}\nbody\n/choices/*/finish_reason\n").as_bytes()) >> 32
    );
    let entry = format!("[[known]]\ncheck = \"{FINISH}\"\nsignature = \"{old}\"\nreason = \"the gateway\"\n");
    fs::write(place.path().join("known.toml"), entry).expect("written");
    let said = checked(place.path(), &none.url(), &[]);
    assert_eq!((said.code, said.status(FINISH).as_str()), (0, "XFAIL"), "{}", said.out);
    let coarse = "known.toml: 1 entry is of an older form, whose signature covers any fault at its place";
    assert!(said.err.contains(coarse) && said.err.contains("--update-baseline"), "{}", said.err);
    assert_eq!(checked(place.path(), &none.url(), &["--update-baseline"]).code, 0);
    let written = fs::read_to_string(place.path().join("known.toml")).expect("written");
    assert!(!written.contains(&old) && written.contains("\"missing-"), "{written}");
    assert!(written.contains("reason = \"the gateway\""), "{written}");
    assert!(!checked(place.path(), &none.url(), &[]).err.contains("older form"));
}

#[test]
fn a_baseline_of_another_shape_is_refused_where_it_is() {
    let (place, none) = (folder(), serving(&[0]));
    for (text, title, line) in [
        ("known = 1\n", "known is not a list of tables; write it as [[known]]", "known.toml:1:"),
        ("[known]\ncheck = \"resp-schema\"\n", "known is not a list of tables", "known.toml:1:"),
        ("known = [1]\n", "1 is not a table; write it as [[known]]", "known.toml:1:10"),
        ("passed = \"x\"\n", "passed is not a list of tables", "known.toml:1:"),
        ("[[known]]\ncheck = \"resp-schema\"\nreason = 7\n", "reason is a text, not 7", "known.toml:3:10"),
        ("[[passed]]\nversion = \"1\"\nchecks = [7]\n", "7 is not the id of a rule", "known.toml:3:11"),
    ] {
        fs::write(place.path().join("known.toml"), text).expect("written");
        let said = checked(place.path(), &none.url(), &[]);
        assert_eq!(said.code, 2, "{text}: {}", said.err);
        assert!(said.err.contains(title) && said.err.contains(line) && said.err.contains('^'), "{}", said.err);
    }
}

#[test]
fn no_excerpt_holds_a_part_of_a_secret() {
    // The target of the plan has a header with this secret, which the endpoint says again just where texts are cut.
    let secret = "header-secret";
    for before in 0..200 {
        let said = format!("{}{secret}", "x".repeat(before));
        let choices =
            json!([{"index": 0, "message": {"role": "user", "content": said, "name": said}, "finish_reason": said}]);
        let body = json!({"id": said, "object": said, "created": 1_795_000_000, "model": "m", "choices": choices, said.as_str(): 1});
        let run = summary(&[exchange(10, 200, "application/json", &[body.to_string()])]);
        let kept = run.checks.values().flat_map(|tally| &tally.examples).flat_map(|example| &example.shows);
        let texts: Vec<&str> = kept.flat_map(|excerpt| [excerpt.what.as_str(), excerpt.text.as_str()]).collect();
        assert!(!texts.is_empty());
        for text in texts {
            assert!(!text.contains("xhe") && !text.contains("\"hea"), "{before}: {text}");
        }
    }
}
