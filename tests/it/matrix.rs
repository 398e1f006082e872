//! Every quirk of the reference endpoint against every check: each quirk fails exactly the listed checks, every check
//! with level MUST or SHOULD is failed by some quirk, and a correct endpoint fails none.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use proofload::check::{self, Level};
use proofload::reference::quirk::{self, Quirk};
use proofload::summary::Summary;
use proofload::summary::digest::Digest;
use proofload::wire::Dialect;

use crate::harness::{Endpoint, carry_out, plan, settings};

/// Rows about our own figures: no endpoint can break them, hand-built exchanges do, in the checks' own tests.
const OURS: [&str; 2] = ["load-latency-order", "load-latency-plausible"];

/// Requests of every kind that the checks look at: whole and streamed, with and without tools, and one that is refused.
fn profile(url: &str, dialect: Dialect) -> String {
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
    let message = r#"messages = [{ role = "user", content = "{{unique}} tell me about the river" }]"#;
    let call = r#"messages = [{ role = "user", content = "{{unique}} what is the weather in Paris, in celsius?" }]"#;
    format!(
        r#"
[target]
url = "{url}"
dialect = "{dialect}"
model = "{model}"
headers = {{ authorization = "Bearer test-key" }}
timeouts = {{ total = "20s" }}
[load.closed]
slots = 12
count = 12
[[case]]
name = "whole"
max_tokens = 24
temperature = 0.3
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
name = "refused"
unchecked = true
messages = "none"
"#
    )
}

/// The same number of each case, in turn: what a small draw would leave out would be judged by nobody.
fn summary_of(dialect: Dialect, quirks: Vec<&'static Quirk>) -> Digest {
    let endpoint = Endpoint::start(settings(dialect, 20, 10, quirks));
    let text = profile(&endpoint.url(), dialect);
    let mut plan = plan(&text);
    plan.seed = (0..1000).find(|seed| covers(&mut plan, *seed)).expect("a seed that draws every case twice");
    let plan = Arc::new(plan);
    // Rules about how tokens are spread over time cannot be judged while we are not scheduled: then once more.
    let scheduled = |summary: &Summary| summary.health.late_heartbeats == 0;
    let summary = (0..3).map(|_| carry_out(&plan)).find(scheduled).unwrap_or_else(|| carry_out(&plan));
    Digest::of(&summary)
}

fn covers(plan: &mut proofload::plan::Plan, seed: u64) -> bool {
    plan.seed = seed;
    let drawn: Vec<usize> = (0..12).map(|seq| plan.case_of(seq)).collect();
    (0..plan.cases.len()).all(|case| drawn.iter().filter(|drawn| **drawn == case).count() >= 2)
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
    found.map(|(id, check)| format!("{} {id}", level(check.must, check.should))).collect()
}

#[test]
fn a_correct_endpoint_breaks_nothing() {
    for dialect in Dialect::ALL {
        let digest = summary_of(dialect, Vec::new());
        assert_eq!(broken(&digest), BTreeSet::new(), "{dialect}: {:#?}", digest.checks.values().find(|c| c.fail > 0));
        let judged = digest.checks.iter().filter(|(_, check)| check.pass > 0).count();
        assert!(judged > 70, "{dialect}: only {judged} checks were exercised");
    }
}

#[test]
fn each_quirk_fails_exactly_the_listed_checks() {
    let jobs: Vec<(Dialect, &'static Quirk)> =
        Dialect::ALL.into_iter().flat_map(|dialect| quirk::all().map(move |quirk| (dialect, quirk))).collect();
    let next = AtomicUsize::new(0);
    let found = Mutex::new(vec![BTreeSet::new(); jobs.len()]);
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                while let Some((dialect, quirk)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let index =
                        jobs.iter().position(|job| job.0 == *dialect && job.1.name == quirk.name).expect("a job");
                    let digest = summary_of(*dialect, vec![quirk]);
                    found.lock().expect("no panic")[index] = broken(&digest);
                }
            });
        }
    });
    let found = found.into_inner().expect("no panic");
    let mut text = String::new();
    for ((dialect, quirk), broken) in jobs.iter().zip(&found) {
        let _ = writeln!(text, "{dialect} {}: {}", quirk.name, broken.iter().cloned().collect::<Vec<_>>().join(", "));
    }
    insta::assert_snapshot!("matrix", text);
    for dialect in Dialect::ALL {
        let caught: BTreeSet<&str> = jobs
            .iter()
            .zip(&found)
            .filter(|((of, _), _)| *of == dialect)
            .flat_map(|(_, broken)| broken.iter().filter_map(|entry| entry.split(' ').nth(1)))
            .collect();
        let missed: Vec<&str> = check::all(dialect)
            .filter(|check| check.level(dialect) != Some(Level::May) && !OURS.contains(&check.id))
            .map(|check| check.id)
            .filter(|id| !caught.contains(id))
            .collect();
        assert!(missed.is_empty(), "{dialect}: no quirk fails {missed:?}");
    }
}
