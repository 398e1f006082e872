//! The whole suite against the reference endpoint: a correct one keeps every rule in every dialect, and each quirk that
//! requests of their own show breaks exactly the rules of the snapshot.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use proofload::check::{self, Depth};
use proofload::reference::Settings;
use proofload::reference::quirk;
use proofload::suite::status::Status;
use proofload::suite::{Conformance, Options, Row, conduct};

use crate::dialect::Dialect;
use crate::harness::{Endpoint, plan, settings, shared, suite};
use crate::matrix::TIMED;

/// Quirks that rules on requests of their own are about, tried in the openai dialect.
const OPENAI: [&str; 110] = [
    // Who is let in.
    "keyless-served",
    "wrong-key-served",
    "empty-key-served",
    "any-scheme-served",
    "bearer-in-capitals",
    "query-key-served",
    "no-challenge",
    "key-echoed",
    "body-before-key",
    "missing-bearer-403",
    // What is accepted, and which parameters have an effect.
    "greedy-refused",
    "only-plain",
    "bounds-lenient",
    "always-greedy",
    "never-greedy",
    "shaping-ignored",
    "unknown-500",
    "history-ignored",
    "latin-1",
    "stop-ignored",
    "stop-left-in",
    "stop-flushed",
    "max-completion-ignored",
    "length-as-stop",
    "n-ignored",
    "several-choices-500",
    "odd-text-500",
    "huge-cap-500",
    "stream-ignored",
    "stream-always",
    "json-prose",
    "prompt-truncated",
    // What is said, whole and streamed.
    "finish-eos-token",
    "id-long",
    "extra-members",
    "replacement-char",
    "markup-end",
    "integers-as-floats",
    "tier-on-demand",
    "logprobs-500",
    "logprobs-positive",
    "logprobs-top-missing",
    "logprobs-top-off",
    "logprobs-bytes-off",
    "logprobs-halved",
    "logprobs-ignored",
    "logprobs-not-streamed",
    "usage-prompt-grows",
    "usage-one-choice",
    "usage-prompt-zero",
    "usage-not-included",
    "usage-unasked",
    "usage-chunk-choice",
    "usage-chunk-twice",
    "usage-in-every-chunk",
    "stream-finish-filter",
    "finish-last-choice-only",
    "finish-key-missing",
    "comments",
    "named-pings",
    "azure-filter-chunk",
    "deltas-cumulative",
    "split-data",
    "gzip-stream-held",
    // Tools.
    "tool-choice-ignored",
    "required-ignored",
    "required-runs-on",
    "none-says-nothing",
    "tool-always-called",
    "tool-enum-off",
    "tool-latin-1",
    "tools-odd-500",
    "own-tool-id-refused",
    "finish-tool-calls",
    "tool-args-cut",
    "tool-args-list",
    "tool-header-repeated",
    "tool-header-emptied",
    "tool-no-type",
    "tool-id-twice",
    "tool-undeclared",
    "tool-stream-dropped",
    "tool-stream-finish-stop",
    "tool-call-as-text",
    // Errors.
    "error-html",
    "error-string",
    "error-as-stream",
    "error-names-another",
    "error-by-turns",
    "bad-input-500",
    "unknown-model-answered",
    "too-large-500",
    // HTTP.
    "any-method-served",
    "no-allow",
    "options-500",
    "double-prefix-served",
    "models-renamed",
    "charset-refused",
    "any-content-type",
    "untyped-500",
    "chunked-refused",
    "expect-refused",
    "date-1994",
    "quota-overfull",
    "closes-unannounced",
    "status-201",
    "gzip-that-is-none",
    "gzip-unasked",
    "coding-unknown",
    "length-and-chunked",
];

/// Those that Pulze's dialect shows, or shows otherwise.
const PULZE: [&str; 27] = [
    "only-plain",
    "bounds-lenient",
    "never-greedy",
    "max-tokens-ignored",
    "tool-choice-ignored",
    "json-prose",
    "logprobs-500",
    "bad-input-500",
    "error-names-another",
    "metadata-warning",
    "metadata-model-empty",
    "label-number",
    "retries-many",
    "costs-negative",
    "costs-are-tokens",
    "latency-unit-changes",
    "bad-labels-ignored",
    "weights-unlabelled",
    "feature-flags-refused",
    "privacy-ignored",
    "router-unresolved",
    "plugins-500",
    "log-of-another",
    "rank-of-others",
    "prices-off",
    "models-renamed",
    "cost-above-max",
];

const KEY: &str = "suite-key";

/// Less than the words of the longest prompt that `prompt-truncated` keeps.
const WINDOW: u64 = 2000;

/// It takes twenty seconds.
const SLOW: &str = "neg-slow-body";

/// What becomes of every rule on an endpoint with a quirk, or without.
fn judged(dialect: Dialect, quirk: Option<&str>) -> Vec<Row> {
    conducted(dialect, quirk.as_slice(), Depth::Intrusive).rows
}

/// So far into the catalogue.
pub(crate) fn conducted(dialect: Dialect, quirks: &[&str], depth: Depth) -> Conformance {
    let _machine = shared();
    let quirks = quirks.iter().map(|name| quirk::find(name).unwrap_or_else(|| panic!("no quirk {name}")));
    let own = Settings { key: Some(KEY.to_owned()), ..settings(dialect, 10, 0, quirks.collect()) };
    let endpoint = Endpoint::start(own);
    let text = format!(
        "[target]\nurl = \"{}\"\ndialect = \"{dialect}\"\nmodel = \"gpt-4o\"\nheaders = {{ authorization = \"Bearer {KEY}\" }}\n\
         [load.closed]\nconcurrency = 1\ncount = 1\n[[case]]\nmessages = [{{ role = \"user\", content = \"hi\" }}]\n",
        endpoint.url()
    );
    let options = Options {
        only: Some(check::catalogue(&dialect).map(|check| check.id).filter(|id| *id != SLOW).collect()),
        seed: 7,
        context_window: Some(WINDOW),
        ..suite(depth)
    };
    let run = conduct(&plan(&text).target, &options, &proofload::run::Halt::default(), |_, _| {});
    run.expect("the client can be made")
}

/// Whether no fault of a rule is at one reply.
fn spans_run(row: &Row) -> bool {
    row.failures.iter().all(|failure| failure.finding.seq.is_none())
}

/// What there is to say of a rule: that it is broken, at whatever level, or that something is worth a note. Rules on how
/// content is spread over time say nothing of an endpoint whose tokens take none.
fn remark(row: &Row) -> Option<String> {
    let word = match row.status {
        _ if TIMED.contains(&row.check.id) => return None,
        // What spans the run is no fault of a reply.
        Status::Info if row.failures.is_empty() || (row.check.across.is_some() && spans_run(row)) => "note",
        Status::Follows(root) => return Some(format!("follows {} <- {root}", row.check.id)),
        Status::Fail | Status::Warn | Status::Info | Status::Flaky | Status::Error => row.status.name(),
        Status::Pass | Status::Skip | Status::Blocked(_) | Status::Known | Status::Stale | Status::Lost => return None,
    };
    Some(format!("{word} {}", row.check.id))
}

/// The remarks on a correct endpoint.
fn remarks(rows: &[Row]) -> BTreeSet<String> {
    rows.iter().filter_map(remark).filter(|remark| !by_chance("", remark)).collect()
}

#[test]
fn a_correct_endpoint_keeps_every_rule() {
    for dialect in Dialect::ALL {
        let rows = judged(dialect, None);
        let skipped = rows.iter().filter(|row| row.status == Status::Skip).map(|row| format!("SKIP {}", row.check.id));
        let skipped = skipped.filter(|skipped| !by_chance("", skipped));
        let said: BTreeSet<String> = remarks(&rows).into_iter().chain(skipped).collect();
        let held = |said: &&String| ["note", "INFO", "SKIP"].iter().any(|word| said.starts_with(word));
        assert!(said.iter().all(|said| held(&said)), "{dialect}: {said:#?}");
        insta::assert_snapshot!(format!("correct_{dialect}"), said.into_iter().collect::<Vec<_>>().join("\n"));
    }
}

/// Many rules look at the replies to one request.
#[test]
fn a_check_takes_no_more_requests_than_it_says() {
    for dialect in Dialect::ALL {
        let requests = |depth| conducted(dialect, &[], depth).sent.len();
        let (core, full) = (requests(Depth::Core), requests(Depth::Full));
        assert!(core <= 80 && full <= 252, "{dialect}: core takes {core} requests, full {full}");
    }
}

#[test]
fn each_quirk_breaks_exactly_these_rules() {
    let tried = [(Dialect::OpenAi, &OPENAI[..]), (Dialect::Pulze, &PULZE[..])];
    let jobs: Vec<(Dialect, &str)> =
        tried.into_iter().flat_map(|(dialect, names)| names.iter().map(move |name| (dialect, *name))).collect();
    let correct = Dialect::ALL.map(|dialect| remarks(&judged(dialect, None)));
    let of = |dialect: Dialect| Dialect::ALL.iter().position(|other| *other == dialect).expect("a dialect");
    let next = AtomicUsize::new(0);
    let lines = Mutex::new(vec![String::new(); jobs.len()]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some((at, (dialect, name))) = numbered(&jobs, &next) {
                    let rows = judged(*dialect, Some(name));
                    let of_correct = &correct[of(*dialect)];
                    let broken = rows.iter().filter_map(remark).filter(|remark| !of_correct.contains(remark));
                    let broken: Vec<String> = broken.filter(|remark| !by_chance(name, remark)).collect();
                    let mut line = format!("{dialect} {name}:");
                    let _ = write!(line, " {}", broken.join(", "));
                    lines.lock().expect("no panic")[at] = line;
                }
            });
        }
    });
    insta::assert_snapshot!("quirks", lines.into_inner().expect("no panic").join("\n"));
}

/// What is left to chance: where tokens take no time, whether compressed events come one by one, save where they are
/// held, and whether a stream lasts until we leave it; where errors take turns, which request gets which.
fn by_chance(quirk: &str, remark: &str) -> bool {
    match quirk {
        "gzip-stream-held" => false,
        "error-by-turns" if !remark.ends_with("err-deterministic") => true,
        // That it does harm is no chance.
        _ => remark.ends_with("stream-compressed-flush") || remark == "SKIP stream-abort-harmless",
    }
}

/// The next of several jobs, with its number.
fn numbered<'j, T>(jobs: &'j [T], next: &AtomicUsize) -> Option<(usize, &'j T)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    jobs.get(at).map(|job| (at, job))
}
