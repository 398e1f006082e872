//! Every quirk of the reference endpoint against every check: each quirk gives exactly the listed outcomes and fails
//! exactly the listed checks, every check with level MUST or SHOULD is failed by some quirk, every quirk is caught, and a
//! correct endpoint fails none.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use proofload::check::{self, Level};
use proofload::reference::quirk::{self, Quirk};
use proofload::summary::digest::Digest;

use crate::dialect::Dialect;
use crate::harness::{Endpoint, carry_out, plan, settings};
use crate::self_proof::{caught_by_the_suite, is_by_hand};

/// Quirks that break no rule, or that a rule notes without judging: a client that stumbles over them is at fault.
const ALLOWED: [&str; 18] = [
    "metadata-warning",
    "comments",
    "cr-line-endings",
    "byte-by-byte",
    "glued",
    "glued-pairs",
    "early-role",
    "pings",
    "stream-byte-order-mark",
    "split-events",
    "split-data",
    "extra-members",
    "split-character",
    "delta-content-null",
    "reasoning",
    "byte-at-a-time",
    "gzip-unasked",
    "header-folded",
];

/// Limits under which a fault shows soon.
fn limits(quirk: Option<&Quirk>) -> &'static str {
    match quirk.map_or("", |quirk| quirk.name) {
        "stall-before-head" | "slow-handshake" => "timeouts = { first_byte = \"2s\", total = \"20s\" }",
        "stall-mid-body" => "timeouts = { total = \"4s\" }",
        "huge-reply" | "endless-stream" => "timeouts = { total = \"20s\" }\nmax_reply_bytes = 1000000",
        _ => "timeouts = { total = \"20s\" }",
    }
}

/// Requests of every kind that the checks look at: whole and streamed, with and without tools, with two choices, and
/// some that are refused.
fn profile(url: &str, dialect: Dialect, limits: &str, seed: u64) -> String {
    let model = if dialect == Dialect::Pulze { "gpt-4o" } else { "gpt-4o-mini" };
    let tool = r#"
[[case.tools]]
type = "function"
[case.tools.function]
name = "get_weather"
[case.tools.function.parameters]
type = "object"
properties = { city = { type = "string" }, unit = { type = "string", enum = ["celsius"] } }
required = ["city", "unit"]
additionalProperties = false
"#;
    // What only OpenAI's contract lets one ask for.
    let logprobs = if dialect.is_openai() { "logprobs = true\ntop_logprobs = 2" } else { "" };
    let message = r#"messages = [{ role = "user", content = "{{unique}} tell me about the river" }]"#;
    let call = r#"messages = [{ role = "user", content = "{{unique}} what is the weather in Paris, in celsius?" }]"#;
    format!(
        r#"
seed = {seed}
[target]
url = "{url}"
dialect = "{dialect}"
model = "{model}"
headers = {{ authorization = "Bearer test-key" }}
{limits}
[load.closed]
concurrency = {REQUESTS}
count = {REQUESTS}
[[case]]
name = "whole"
max_tokens = 24
temperature = 0.3
{logprobs}
{message}
[[case]]
name = "streamed"
stream = true
max_tokens = 24
{message}
[[case]]
name = "tools"
{call}
{tool}
[[case]]
name = "tools-streamed"
stream = true
{call}
{tool}
[[case]]
name = "two-choices"
stream = true
n = 2
max_tokens = 24
{message}
[[case]]
name = "refused"
unchecked = true
messages = "none"
[[case]]
name = "refused-streamed"
unchecked = true
stream = true
messages = "none"
"#
    )
}

/// Requests of a run, and how many of each case at least.
const REQUESTS: usize = 18;
const OF_EACH: usize = 2;

/// Rules on how content is spread over time, which a machine that is busy elsewhere breaks as a bad endpoint does; so
/// they are shown only of the quirks that bring content together.
pub(crate) const TIMED: [&str; 2] = ["stream-incremental", "stream-ttft-before-end"];
const TOGETHER: [&str; 2] = ["buffered", "tool-call-as-text"];

/// The same number of each case, about: what a small draw would leave out would be judged by nobody.
fn summary_of(dialect: Dialect, quirk: Option<&'static Quirk>) -> Digest {
    let endpoint = Endpoint::start(settings(dialect, 20, 10, quirk.into_iter().collect()));
    let text = |seed| profile(&endpoint.url(), dialect, limits(quirk), seed);
    let mut drawn = plan(&text(0));
    let seed = (0..10_000).find(|seed| covers(&mut drawn, *seed)).expect("a seed that draws every case twice");
    Digest::of(&carry_out(&Arc::new(plan(&text(seed)))))
}

fn covers(plan: &mut proofload::plan::Plan, seed: u64) -> bool {
    plan.seed = seed;
    let drawn: Vec<usize> = (0..REQUESTS as u64).map(|seq| plan.case_of(0, seq)).collect();
    (0..plan.cases.len()).all(|case| drawn.iter().filter(|drawn| **drawn == case).count() >= OF_EACH)
}

fn timed(entry: &str) -> bool {
    TIMED.iter().any(|id| entry.split(' ').nth(1) == Some(id))
}

/// What a run found: `level id`, with the rules that span the run among them.
fn broken(digest: &Digest) -> BTreeSet<String> {
    let level = |must: u64, should: u64| {
        if must > 0 {
            "MUST"
        } else if should > 0 {
            "SHOULD"
        } else {
            "may"
        }
    };
    let found = digest.checks.iter().filter(|(_, check)| check.fail > 0);
    let own = found.map(|(id, check)| format!("{} {id}", level(check.must, check.should)));
    own.chain(following(digest)).collect()
}

/// Rules that were broken only because others were: `follows id <- root`.
fn following(digest: &Digest) -> impl Iterator<Item = String> {
    let found = digest.checks.iter().filter(|(_, check)| check.fail == 0);
    found.flat_map(|(id, check)| check.follows.keys().map(move |root| format!("follows {id} <- {root}")))
}

/// The outcomes of a run, by their cause where they have several.
fn outcomes(digest: &Digest) -> BTreeSet<String> {
    let classed = |name: &String| digest.classes.keys().any(|class| class.starts_with(&format!("{name}.")));
    digest.outcomes.keys().filter(|name| !classed(name)).chain(digest.classes.keys()).cloned().collect()
}

fn joined(words: &BTreeSet<String>, separator: &str) -> String {
    words.iter().cloned().collect::<Vec<_>>().join(separator)
}

#[test]
fn a_correct_endpoint_breaks_nothing() {
    for dialect in Dialect::ALL {
        // A run in which the machine was too busy to tell is repeated.
        let told = |digest: &Digest| !broken(digest).iter().any(|entry| timed(entry));
        let again = || summary_of(dialect, None);
        let digest = (0..10).map(|_| again()).find(told).unwrap_or_else(again);
        assert_eq!(joined(&outcomes(&digest), " "), "ok refused", "{dialect}");
        assert_eq!(broken(&digest), BTreeSet::new(), "{dialect}: {:#?}", digest.checks.values().find(|c| c.fail > 0));
        let judged = digest.checks.iter().filter(|(_, check)| check.pass > 0).count();
        assert!(judged > 70, "{dialect}: only {judged} checks were exercised");
    }
}

/// What a run against a quirk came to.
#[derive(Clone, Default)]
struct Row {
    outcomes: BTreeSet<String>,
    broken: BTreeSet<String>,
}

impl Row {
    /// Whether anybody would have noticed.
    fn caught(&self) -> bool {
        self.broken.iter().any(|entry| !entry.starts_with("follows ")) || joined(&self.outcomes, " ") != "ok refused"
    }
}

/// Every quirk in every dialect, some at a time.
fn rows() -> Vec<(Dialect, &'static Quirk, Row)> {
    let jobs: Vec<(Dialect, &'static Quirk)> =
        Dialect::ALL.into_iter().flat_map(|dialect| quirk::all().map(move |quirk| (dialect, quirk))).collect();
    let next = AtomicUsize::new(0);
    let found = Mutex::new(vec![Row::default(); jobs.len()]);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some((dialect, quirk)) = jobs.get(index) else { return };
                    let digest = summary_of(*dialect, Some(quirk));
                    let mut broken = broken(&digest);
                    broken.retain(|entry| TOGETHER.contains(&quirk.name) || !timed(entry));
                    found.lock().expect("no panic")[index] = Row { outcomes: outcomes(&digest), broken };
                }
            });
        }
    });
    let found = found.into_inner().expect("no panic");
    jobs.into_iter().zip(found).map(|((dialect, quirk), row)| (dialect, quirk, row)).collect()
}

#[test]
fn each_quirk_gives_exactly_the_listed_outcomes_and_fails_exactly_the_listed_checks() {
    let rows = rows();
    let mut text = String::new();
    for (dialect, quirk, row) in &rows {
        let _ = write!(text, "{dialect} {}: {}", quirk.name, joined(&row.outcomes, " "));
        let _ = writeln!(text, " | {}", joined(&row.broken, ", "));
    }
    insta::assert_snapshot!("matrix", text);
    every_quirk_is_caught(&rows);
    for dialect in Dialect::ALL {
        every_check_is_failed(dialect, &rows);
    }
}

/// By this test, or by the suite, which asks for what a quirk denies.
fn every_quirk_is_caught(rows: &[(Dialect, &'static Quirk, Row)]) {
    let by_suite = caught_by_the_suite();
    let missed: BTreeSet<&str> = quirk::all()
        .filter(|quirk| rows.iter().all(|(_, of, row)| of.name != quirk.name || !row.caught()))
        .map(|quirk| quirk.name)
        .filter(|name| !by_suite.contains(*name))
        .collect();
    assert_eq!(missed, BTreeSet::from(ALLOWED), "left: what nothing catches; right: what is allowed");
}

fn every_check_is_failed(dialect: Dialect, rows: &[(Dialect, &'static Quirk, Row)]) {
    let of_dialect = rows.iter().filter(|(of, ..)| *of == dialect);
    let caught: BTreeSet<&str> =
        of_dialect.flat_map(|(.., row)| row.broken.iter().filter_map(|entry| entry.split(' ').nth(1))).collect();
    let missed: Vec<&str> = check::all(&dialect)
        .filter(|check| check.level(&dialect) != Some(Level::May) && !is_by_hand(check.id))
        .map(|check| check.id)
        .filter(|id| !caught.contains(id))
        .collect();
    assert!(missed.is_empty(), "{dialect}: no quirk fails {missed:?}");
}
