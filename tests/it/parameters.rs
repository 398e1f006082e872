//! The rules about parameters, sampling, formats, log probabilities and usage: a correct endpoint keeps all of them, each
//! quirk breaks exactly those of the snapshot, and every one of them is broken by some quirk.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use proofload::check::{self, Depth, Judge};
use proofload::reference::quirk;
use proofload::suite::status::Status;
use proofload::suite::{Conformance, Options, Row, conduct};
use proofload::wire::Dialect;

use crate::harness::{Endpoint, plan, settings};

const AREAS: [&str; 5] = ["request", "sampling", "format", "logprobs", "usage"];

/// Quirks that rules of these areas are about, in the dialects that they are tried in.
const QUIRKS: [(&str, &[Dialect]); 31] = [
    ("greedy-refused", &[Dialect::OpenAi]),
    ("only-plain", &[Dialect::Pulze, Dialect::OpenAi]),
    ("bounds-lenient", &[Dialect::Pulze, Dialect::OpenAi]),
    ("always-greedy", &[Dialect::OpenAi]),
    ("never-greedy", &[Dialect::Pulze, Dialect::OpenAi]),
    ("shaping-ignored", &[Dialect::OpenAi]),
    ("unknown-500", &[Dialect::OpenAi]),
    ("history-ignored", &[Dialect::OpenAi]),
    ("latin-1", &[Dialect::OpenAi]),
    ("stop-ignored", &[Dialect::OpenAi]),
    ("stop-left-in", &[Dialect::OpenAi]),
    ("stop-flushed", &[Dialect::OpenAi]),
    ("max-tokens-ignored", &[Dialect::Pulze]),
    ("max-completion-ignored", &[Dialect::OpenAi]),
    ("length-as-stop", &[Dialect::OpenAi]),
    ("finish-eos-token", &[Dialect::OpenAi]),
    ("tool-choice-ignored", &[Dialect::Pulze]),
    ("n-ignored", &[Dialect::OpenAi]),
    ("stream-ignored", &[Dialect::OpenAi]),
    ("stream-always", &[Dialect::OpenAi]),
    ("json-prose", &[Dialect::Pulze, Dialect::OpenAi]),
    ("logprobs-500", &[Dialect::Pulze, Dialect::OpenAi]),
    ("logprobs-positive", &[Dialect::OpenAi]),
    ("logprobs-top-missing", &[Dialect::OpenAi]),
    ("logprobs-top-off", &[Dialect::OpenAi]),
    ("logprobs-bytes-off", &[Dialect::OpenAi]),
    ("logprobs-halved", &[Dialect::OpenAi]),
    ("logprobs-not-streamed", &[Dialect::OpenAi]),
    ("usage-prompt-grows", &[Dialect::OpenAi]),
    ("usage-one-choice", &[Dialect::OpenAi]),
    ("usage-prompt-zero", &[Dialect::OpenAi]),
];

/// Judges an endpoint with a quirk, or without.
fn judged(dialect: Dialect, quirk: Option<&str>) -> Conformance {
    let quirks = quirk.map(|name| quirk::find(name).unwrap_or_else(|| panic!("no quirk {name}")));
    let endpoint = Endpoint::start(settings(dialect, 0, 0, quirks.into_iter().collect()));
    let text = format!(
        "[target]\nurl = \"{}\"\ndialect = \"{dialect}\"\nmodel = \"gpt-4o\"\nheaders = {{ authorization = \"Bearer k\" }}\n\
         [load.closed]\nslots = 1\ncount = 1\n[[case]]\nmessages = [{{ role = \"user\", content = \"hi\" }}]\n",
        endpoint.url()
    );
    let ours = check::catalogue(dialect).filter(|check| AREAS.contains(&check.area())).map(|check| check.id);
    let options = Options {
        depth: Depth::Intrusive,
        only: Some(ours.collect()),
        without: BTreeSet::new(),
        require: BTreeSet::new(),
        levels: BTreeMap::new(),
        repeat: 1,
        jobs: 4,
        seed: 7,
        cap: 64,
        context_window: None,
        schema_rate: None,
        fail_fast: false,
        forgiven: BTreeSet::new(),
    };
    conduct(&plan(&text).target, &options, &tokio::sync::watch::channel(false).1, |_, _| {})
        .expect("the client can be made")
}

/// Whether a rule is broken, at whatever level.
fn is_broken(row: &Row) -> bool {
    match row.status {
        Status::Fail | Status::Warn | Status::Flaky | Status::Error => true,
        Status::Info => !row.findings.is_empty(),
        Status::Pass | Status::Skip | Status::Blocked(_) | Status::Known | Status::Stale | Status::Lost => false,
    }
}

/// Rows that did not simply hold: what a correct endpoint of the dialect leaves to say.
fn remarks(run: &Conformance) -> Vec<String> {
    let probed = run.rows.iter().filter(|row| matches!(row.check.judge, Judge::Probes(..)));
    let told = probed.filter(|row| row.status != Status::Pass);
    told.map(|row| format!("{} {}: {}", row.status, row.check.id, row.reason)).collect()
}

#[test]
fn a_correct_endpoint_keeps_every_rule() {
    for dialect in Dialect::ALL {
        let run = judged(dialect, None);
        let faults = |row: &&Row| is_broken(row) && row.status != Status::Info;
        let broken: Vec<&Row> = run.rows.iter().filter(faults).collect();
        assert!(broken.is_empty(), "{dialect}: {broken:#?}");
        insta::assert_snapshot!(format!("correct_{dialect}"), remarks(&run).join("\n"));
    }
}

#[test]
fn each_quirk_breaks_exactly_these_rules() {
    let mut text = String::new();
    let mut caught = BTreeSet::new();
    for (name, dialects) in QUIRKS {
        for dialect in dialects {
            let run = judged(*dialect, Some(name));
            let broken: Vec<&Row> = run.rows.iter().filter(|row| is_broken(row)).collect();
            caught.extend(broken.iter().map(|row| row.check.id));
            let words: Vec<String> = broken.iter().map(|row| format!("{} {}", row.status, row.check.id)).collect();
            let _ = writeln!(text, "{dialect} {name}: {}", words.join(", "));
        }
    }
    insta::assert_snapshot!("parameters", text);
    let probed = |check: &&check::Check| {
        let ours = AREAS.contains(&check.area()) && matches!(check.judge, Judge::Probes(..));
        ours && !caught.contains(check.id)
    };
    let missed: Vec<&str> = check::ALL.iter().copied().flatten().filter(probed).map(|check| check.id).collect();
    assert_eq!(missed, [""; 0], "no quirk breaks these");
}
