//! Explanations: every rule has one, its examples are what they say, and so is the quirk that shows it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;

use crate::dialect::Dialect;
use proofload::check::explain::{Example, explained};
use proofload::check::{self, Across, Check, Judge, Level, Verdict};
use proofload::exchange::{Exchange, Reading};
use proofload::suite::shown::shown_by;

use crate::harness::program;
use crate::self_proof::{Told, told};

mod example;

use example::exchanges;

/// Rules on any reply whose examples no exchange can show, and why.
const SKETCHED: [(&str, &str); 5] = [
    ("stream-utf8-valid", "bytes that are not UTF-8 cannot be written in a text"),
    ("load-no-crosstalk", "the tags of a run cannot be written in advance"),
    ("load-latency-order", "times that we take"),
    ("load-no-replayed-answers", "takes 20 answers"),
    ("load-inband-failures-counted", "what we count"),
];

fn rules() -> impl Iterator<Item = &'static Check> {
    check::ALL.iter().copied().flatten()
}

/// The dialect in which a rule is most binding.
fn dialect_of(check: &Check) -> Dialect {
    let dialects = [Dialect::OpenAi, Dialect::Pulze, Dialect::OpenAiStrict];
    let applies = dialects.into_iter().filter(|dialect| check.level(dialect).is_some());
    applies.min_by_key(|dialect| check.level(dialect)).expect("a dialect in which it applies")
}

fn is_may(check: &Check) -> bool {
    Dialect::ALL.iter().all(|dialect| check.level(dialect).is_none_or(|level| level == Level::May))
}

fn is_sketched(check: &Check) -> bool {
    SKETCHED.iter().any(|(id, _)| *id == check.id)
}

/// Whether what a rule remembers of these exchanges breaks it.
fn broken_across(across: Across, readings: &[Reading<'_>]) -> bool {
    match across {
        Across::Unique(_, of) => {
            let mut seen = BTreeSet::new();
            !readings.iter().flat_map(of).all(|value| seen.insert(value))
        }
        Across::Constant(_, of) => {
            let mut seen: BTreeMap<String, String> = BTreeMap::new();
            let differs = |(key, value): (String, String)| *seen.entry(key).or_insert(value.clone()) != value;
            readings.iter().filter_map(of).any(differs)
        }
        Across::Distinct(..) | Across::Varied(..) => false,
    }
}

/// What a rule says of an example.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Broken,
    Noted,
    Held,
    Skipped(&'static str),
}

fn judged(check: &Check, text: &str) -> Said {
    let exchanges: Vec<Exchange> = exchanges(text, dialect_of(check));
    let readings: Vec<Reading<'_>> = exchanges.iter().map(Reading::of).collect();
    let mut said = Said::Skipped("no exchange");
    for reading in &readings {
        said = match (check.judge(reading), said) {
            (Verdict::Broken { .. }, _) | (_, Said::Broken) => Said::Broken,
            (Verdict::Noted(_), _) | (_, Said::Noted) => Said::Noted,
            (Verdict::Pass, _) | (_, Said::Held) => Said::Held,
            (Verdict::Skip(why), Said::Skipped(_)) => Said::Skipped(why),
        };
    }
    if check.across.is_some_and(|across| broken_across(across, &readings)) { Said::Broken } else { said }
}

/// What is wrong with an example of a rule that is judged on any reply.
fn fault(check: &Check, example: Example<'_>, breaks: bool) -> Option<String> {
    let Example::Exchanges(text) = example else {
        // What a rule lists and never holds against anybody cannot be broken.
        let excused = is_may(check) && breaks || is_sketched(check);
        return (!excused).then(|| "is no exchange".to_owned());
    };
    match judged(check, text) {
        Said::Broken if breaks => None,
        Said::Noted if breaks && is_may(check) => None,
        Said::Held | Said::Noted if !breaks => None,
        said @ (Said::Broken | Said::Noted | Said::Held | Said::Skipped(_)) => Some(format!("{said:?}")),
    }
}

#[test]
fn every_rule_is_explained_in_the_order_of_the_catalogue() {
    let listed: Vec<(&str, &str)> = rules().map(|check| (check.area(), check.id)).collect();
    assert_eq!(explained().collect::<Vec<_>>(), listed);
    let unread: Vec<&str> = rules().filter(|check| check.explanation().is_none()).map(|check| check.id).collect();
    assert!(unread.is_empty(), "explanations of another form: {unread:#?}");
}

#[test]
fn rules_on_any_reply_are_broken_and_kept_by_their_examples() {
    let mut faults = String::new();
    for check in rules().filter(|check| matches!(check.judge, Judge::Reply(_))) {
        let Some(explanation) = check.explanation() else { continue };
        for (part, example, breaks) in [("Breaks", explanation.breaks, true), ("Keeps", explanation.keeps, false)] {
            if let Some(fault) = fault(check, example, breaks) {
                let _ = writeln!(faults, "{}: {part}: {fault}", check.id);
            }
        }
    }
    assert!(faults.is_empty(), "{faults}");
}

/// An example that keeps its rule would be no example if it broke another one.
#[test]
fn what_keeps_a_rule_on_any_reply_breaks_no_must() {
    let mut faults = String::new();
    for check in rules().filter(|check| matches!(check.judge, Judge::Reply(_)) && !is_sketched(check)) {
        let Some(Example::Exchanges(text)) = check.explanation().map(|explanation| explanation.keeps) else { continue };
        let dialect = dialect_of(check);
        for exchange in &exchanges(text, dialect) {
            let reading = Reading::of(exchange);
            for other in check::all(&dialect) {
                let verdict = other.judge(&reading);
                if verdict.breaks_must(other, &dialect) {
                    let _ = writeln!(faults, "{}: Keeps breaks {}: {verdict:?}", check.id, other.id);
                }
            }
        }
    }
    assert!(faults.is_empty(), "{faults}");
}

#[test]
fn examples_of_other_rules_have_the_same_form() {
    for check in rules() {
        let Some(explanation) = check.explanation() else { continue };
        for example in [explanation.breaks, explanation.keeps] {
            match example {
                Example::Exchanges(text) => assert!(!exchanges(text, dialect_of(check)).is_empty(), "{}", check.id),
                Example::Sketch(text) => assert!((2..=16).contains(&text.lines().count()), "{}: {text}", check.id),
            }
        }
    }
}

/// Rules that a quirk breaks, but not by the commands that `--explain` prints: they take a key of the endpoint's own, a
/// declared context window, a load that is put off, or requests that the preset does not send.
const NOT_BY_COMMAND: [&str; 11] = [
    "auth-token-not-echoed",
    "stream-incremental",
    "err-429-envelope",
    "err-429-retry-after",
    "err-503-retry-after",
    "http-redirect-same-origin",
    "neg-context-overflow",
    "logprobs-not-ignored",
    "load-all-schema-valid",
    "load-no-5xx",
    "load-tokens-from-usage",
];

/// What the table of quirks is to say: for each rule the quirk that breaks it and the fewest others, found by the suite
/// if it can be.
fn expected_table() -> String {
    let told = told();
    let broken = |line: &usize| told.iter().filter(|entry| entry.line == *line && entry.is_broken()).count();
    let mut table = String::new();
    for check in rules().filter(|check| !NOT_BY_COMMAND.contains(&check.id)) {
        let of_rule = told.iter().filter(|entry| entry.rule == check.id && entry.is_broken());
        let rank = |entry: &&Told| {
            (!entry.is_told(), !entry.of_suite, broken(&entry.line), entry.dialect != "openai", entry.quirk.clone())
        };
        if let Some(best) = of_rule.min_by_key(rank) {
            let _ = writeln!(table, "{} {} {}", check.id, best.dialect, best.quirk);
        }
    }
    table
}

#[test]
fn the_quirk_that_shows_a_rule_is_that_of_the_matrices() {
    let path = "src/suite/shown.txt";
    let expected = expected_table();
    if std::env::var_os("PROOFLOAD_WRITE_SCHEMAS").is_some() {
        fs::write(path, &expected).expect("written");
    }
    assert!(fs::read_to_string(path).expect("the table") == expected, "run this test with PROOFLOAD_WRITE_SCHEMAS=1");
    assert_eq!(rules().filter_map(|check| shown_by(check.id)).count(), expected.lines().count());
}

fn explain(arguments: &[&str]) -> (bool, String) {
    let output = program().arg("check").arg("--explain").args(arguments).output().expect("runs");
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).expect("text"))
}

#[test]
fn a_rule_is_explained_in_80_columns() {
    let (ok, text) = explain(&["stream-done-present"]);
    assert!(ok);
    insta::assert_snapshot!("stream_done_present", text);
    for check in rules().step_by(7) {
        let (ok, text) = explain(&[check.id]);
        assert!(ok && text.starts_with(check.id));
        let wide = text.lines().filter(|line| line.chars().count() > 80 && !line.trim_start().starts_with("https://"));
        assert_eq!(wide.collect::<Vec<_>>(), [""; 0], "{}", check.id);
    }
}

#[test]
fn a_rule_is_explained_in_json() {
    let (ok, text) = explain(&["http-error-status", "--format", "json"]);
    assert!(!ok && text.contains("no check is called"));
    let (ok, text) = explain(&["stream-done-present", "--format", "json"]);
    let document: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert!(ok && document["breaks"].as_str().is_some_and(|example| example.starts_with("HTTP/1.1 200")));
    let url = "https://github.com/vllm-project/vllm/issues/52852";
    let sources = document["sources"].as_array().expect("sources");
    assert!(sources.iter().any(|source| source["kind"] == "issue" && source["url"] == url), "{document:#}");
}

#[test]
fn an_area_or_the_beginning_of_an_id_is_explained_in_short() {
    let count = |of: &str| rules().filter(|check| check.area() == of || check.id.starts_with(of)).count();
    for named in ["usage", "stream-usage"] {
        let (ok, text) = explain(&[named]);
        assert!(ok);
        assert_eq!(text.lines().filter(|line| !line.starts_with(' ') && !line.is_empty()).count(), count(named));
    }
    let (ok, text) = explain(&["stream-done-presen"]);
    assert!(!ok && text.contains("did you mean stream-done-present?"), "{text}");
}
