//! The proof that no rule of the catalogue is idle: each is failed by a quirk of the reference endpoint, as the snapshots
//! of the two matrices show, or by something made by hand in a test that is named here.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use proofload::check::{self, Verdict};
use proofload::exchange::Reading;

use crate::reports::stream;

/// Rules that no quirk fails: why none can, and the test that breaks each by hand.
const BY_HAND: [(&str, &str, &str, &str); 16] = [
    (
        "load-latency-order",
        "times that we take, which no endpoint can put in disorder",
        "reports",
        "figures_of_ours_that_cannot_be_are_found",
    ),
    (
        "load-latency-plausible",
        "times that we take, which no endpoint can make up",
        "reports",
        "figures_of_ours_that_cannot_be_are_found",
    ),
    (
        "load-inband-failures-counted",
        "what we count",
        "load_rules",
        "an_error_in_a_success_that_counts_as_ok_is_our_fault",
    ),
    ("load-client-not-bottleneck", "whether we kept to the plan", "load_rules", "figures_of_the_run_are_judged"),
    (
        "load-conn-reuse",
        "a figure that is told and never held against anybody",
        "load_rules",
        "figures_of_the_run_are_judged",
    ),
    (
        "load-overload-is-429-503",
        "takes an endpoint that puts off and resets in one run; a quirk does one thing",
        "load_rules",
        "figures_of_the_run_are_judged",
    ),
    (
        "load-no-replayed-answers",
        "takes 20 answers to one question, more than the matrix asks for",
        "load_rules",
        "answers_that_come_again_are_found_over_the_run",
    ),
    (
        "http-header-folded",
        "notes a line that is allowed of old and read as it was meant",
        "transfer",
        "a_folded_header_is_read_as_one_line_and_noted",
    ),
    ("http-tls-valid", "certificates are no part of a reply", "defects", "without_tls_nothing_but_that_is_judged"),
    (
        "http-http2",
        "notes a version; an endpoint that does not answer is told so by auth-valid-accepted",
        "tls",
        "the_version_that_tls_negotiates_is_noted",
    ),
    ("err-request-id", "notes whether there is an id, and none is no fault", "defects", "headers_are_looked_at"),
    (
        "neg-header-injection",
        "the HTTP library of the reference endpoint refuses it before any quirk sees it",
        "defects",
        "an_endpoint_that_takes_everything_is_told",
    ),
    ("neg-slow-body", "takes 20 s", "probed", "a_slow_request_must_not_hold_up_the_others"),
    (
        "neg-survives",
        "takes an endpoint that remembers what it was asked; quirks remember nothing",
        "probed",
        "an_endpoint_that_does_not_survive_is_told",
    ),
    ("stream-gap-bound", "takes 30 s", "self_proof", "a_long_silence_in_a_stream_is_found"),
    (
        "stream-abort-harmless",
        "takes an endpoint that remembers who left; quirks remember nothing",
        "probed",
        "streams_that_take_requests_of_their_own",
    ),
];

/// Rules that list what they see and hold nothing against it: that a matrix notes each is all that can be shown.
const NOTES: [&str; 7] = [
    "resp-extra-members-reported",
    "stream-comments",
    "stream-multiline-data",
    "stream-usage-pulze",
    "stream-cache-control",
    "meta-warning-reported",
    "meta-router-distribution",
];

/// Whether a rule is among those that no quirk fails.
pub(crate) fn is_by_hand(id: &str) -> bool {
    BY_HAND.iter().any(|(other, ..)| *other == id)
}

/// What the matrices say of a rule under a quirk.
pub(crate) struct Told {
    pub dialect: String,
    pub quirk: String,
    /// A word such as `FAIL`, `SHOULD` or `note`.
    pub word: String,
    pub rule: String,
    /// Which line of both matrices says so: what one quirk does in one dialect.
    pub line: usize,
    /// Whether the suite found it, not a load run.
    pub of_suite: bool,
}

impl Told {
    pub(crate) fn is_broken(&self) -> bool {
        is_broken(&self.word)
    }

    pub(crate) fn is_told(&self) -> bool {
        is_told(&self.word)
    }
}

/// All that the two matrices say.
pub(crate) fn told() -> Vec<Told> {
    let of_line = |(number, (of_suite, line)): (usize, (bool, String))| {
        let (head, rest) = line.split_once(": ").unwrap_or((&line, ""));
        let (dialect, quirk) = head.split_once(' ').unwrap_or_default();
        // Of a load run, the outcomes stand before the rules.
        let rules = rest.split_once(" | ").map_or(rest, |(_, rules)| rules);
        let entries = rules.split(", ").filter_map(|entry| entry.split_once(' '));
        // A rule that follows from another one has its root behind it.
        let rule = |id: &str| id.split(' ').next().unwrap_or_default().to_owned();
        let entry = |(word, id): (&str, &str)| Told {
            dialect: dialect.to_owned(),
            quirk: quirk.to_owned(),
            word: word.to_owned(),
            rule: rule(id),
            line: number,
            of_suite,
        };
        entries.map(entry).collect::<Vec<_>>()
    };
    let both = [(false, "matrix__matrix"), (true, "suite_matrix__quirks")];
    let lines = both.into_iter().flat_map(|(of_suite, name)| lines(name).into_iter().map(move |line| (of_suite, line)));
    lines.enumerate().flat_map(of_line).collect()
}

/// The lines of a snapshot.
fn lines(name: &str) -> Vec<String> {
    let path = format!("tests/it/snapshots/it__{name}.snap");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    text.lines().skip(4).map(str::to_owned).collect()
}

/// A word for a broken rule, of whatever level, if only because another one is; a probe that got no answer breaks none.
fn is_broken(word: &str) -> bool {
    word == "follows" || is_told(word)
}

/// A word for a rule that is broken for a reason of its own.
fn is_told(word: &str) -> bool {
    ["MUST", "SHOULD", "may", "FAIL", "WARN", "INFO", "FLAKY"].contains(&word)
}

/// The quirks that break a rule of the suite.
pub(crate) fn caught_by_the_suite() -> BTreeSet<String> {
    let of_suite = lines("suite_matrix__quirks");
    let breaks = |line: &&String| line.split([' ', ',']).any(is_told);
    of_suite.iter().filter(breaks).filter_map(|line| line.split([' ', ':']).nth(1)).map(str::to_owned).collect()
}

#[test]
fn every_rule_is_failed_by_a_quirk_or_by_hand() {
    let told = told();
    let failed: BTreeSet<&str> = told.iter().filter(|told| told.is_broken()).map(|told| told.rule.as_str()).collect();
    let of_correct = ["pulze", "openai"].map(|dialect| lines(&format!("suite_matrix__correct_{dialect}"))).concat();
    let noted = |id: &str| {
        let note = format!("note {id}");
        told.iter().any(|told| told.word == "note" && told.rule == id) || of_correct.contains(&note)
    };
    let ids = || check::ALL.iter().copied().flatten().map(|check| check.id);
    let listed = |id: &str| is_by_hand(id) || NOTES.contains(&id) && noted(id);
    let idle: Vec<&str> = ids().filter(|id| !failed.contains(id) && !listed(id)).collect();
    assert!(idle.is_empty(), "no quirk fails these, and no test is named that does: {idle:#?}");
    let needless: Vec<&str> = ids().filter(|id| failed.contains(id) && listed(id)).collect();
    assert!(needless.is_empty(), "a quirk fails these, so that they need not be listed: {needless:?}");
}

#[test]
fn the_tests_that_break_rules_by_hand_are_there() {
    for (id, why, file, test) in BY_HAND {
        assert!(check::find(id).is_some() && !why.is_empty(), "{id}");
        let text = fs::read_to_string(format!("tests/it/{file}.rs")).expect("a file of tests");
        let body = text.split_once(&format!("#[test]\nfn {test}() {{")).map(|(_, rest)| rest.split("\n}\n").next());
        let body = body.flatten().unwrap_or_else(|| panic!("{file}.rs has no test {test}"));
        assert!(body.contains(&format!("\"{id}\"")), "{file}::{test} does not speak of {id}");
    }
}

#[test]
fn a_long_silence_in_a_stream_is_found() {
    let rule = check::find("stream-gap-bound").expect("a rule");
    let mut silent = stream(11, true);
    assert_eq!(rule.judge(&Reading::of(&silent)), Verdict::Pass);
    silent.ended += Duration::from_secs(31);
    silent.body.arrivals.last_mut().expect("bytes").at += Duration::from_secs(31);
    assert!(matches!(rule.judge(&Reading::of(&silent)), Verdict::Broken { .. }));
}
