//! Runs several times over and side by side: on real sockets, by the program.

use std::path::Path;

use proofload::compare::schema;
use rand::SeedableRng as _;
use rand_distr::{Distribution as _, LogNormal};
use rand_pcg::Pcg64;
use serde_json::Value;

use crate::harness::{Served, alone, program, shared};
use crate::profiles::committed;

/// Runs the program and takes its exit code, stdout and stderr.
fn ran(arguments: &[&str]) -> (i32, String, String) {
    let output = program().args(arguments).output().expect("runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().expect("an exit code"), text(&output.stdout), text(&output.stderr))
}

fn assert_comparison(text: &str) -> Value {
    let comparison: Value = serde_json::from_str(text).expect("JSON");
    let schema = std::fs::read_to_string("schemas/comparison.json").expect("the schema");
    let validator = proofload::wire::schema::offline(&serde_json::from_str(&schema).expect("JSON")).expect("a schema");
    let faults = proofload::wire::schema::violations(&validator, &comparison);
    assert!(faults.is_empty(), "{faults:?}");
    comparison
}

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).to_string_lossy().into_owned()
}

/// Seed and salt of a run.
fn roots(run: &str) -> (u64, u64) {
    let text = std::fs::read_to_string(format!("{run}/summary.json")).expect("a summary");
    let meta = &serde_json::from_str::<Value>(&text).expect("JSON")["meta"];
    (meta["seed"].as_u64().expect("a seed"), meta["salt"].as_u64().expect("a salt"))
}

#[test]
fn the_committed_schema_of_comparisons_is_the_generated_one() {
    committed("comparison.json", &schema());
}

#[test]
fn repetitions_have_folders_and_seeds_of_their_own_and_one_table() {
    let _machine = shared();
    let folder = tempfile::tempdir().expect("a folder");
    let out = path(folder.path(), "thrice");
    let (code, table, said) =
        ran(&["run", "smoke", "--count", "12", "--seed", "5", "--salt", "40", "--repeat", "3", "--out", &out]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(table.lines().count(), 4, "a head and a line for each run: {table}");
    let roots = |number: u32| roots(&format!("{out}/run-{number}"));
    let [first, second, third] = [roots(1), roots(2), roots(3)];
    assert_eq!((first, second.0, third.0), ((5, 40), 6, 7));
    let near = |salt: u64| salt.abs_diff(40) < 1000;
    assert!(!near(second.1) && !near(third.1) && second.1 != third.1, "a neighbouring --salt shares no run with it");
    assert_eq!(ran(&["report", &out]).1, table, "the report of the folder is the same table");
    let one = path(folder.path(), "thrice/run-1");
    let (code, _, said) = ran(&["run", "smoke", "--repeat", "2", "--out", &one]);
    assert!(code == 2 && said.contains("is not empty"), "{code} {said}");
}

/// An open loop of whole replies, so that nothing but the endpoint decides how long they take.
const PROFILE: &str = r#"
[target]
url = "http://127.0.0.1:9/v1"
dialect = "openai"
model = "gpt-4o"
headers = { authorization = "Bearer x" }
[load.closed]
concurrency = 4
count = 12
[[case]]
max_tokens = 1
messages = [{ role = "user", content = "{{unique}} Hello" }]
"#;

#[test]
fn an_endpoint_that_is_a_tenth_slower_is_found_and_fails_the_comparison() {
    let _machine = alone();
    let serve = |time: &str| Served::start(&["--dialect", "openai", "--first-token", time, "--spread", "0"]);
    let (old, new) = (serve("300ms"), serve("330ms"));
    let folder = tempfile::tempdir().expect("a folder");
    let profile = path(folder.path(), "whole.toml");
    std::fs::write(&profile, PROFILE).expect("written");
    // A machine that is busy with something else hides a difference; it does not hide it three times.
    let found = (0..3).find_map(|attempt| {
        let out = path(folder.path(), &format!("turns-{attempt}"));
        let turns = ["run", &profile, "--url", &new.url, "--against", &old.url, "--repeat", "7", "--out", &out, "-q"];
        let key = ["--against-header", "authorization=Bearer x"];
        let (code, text, said) = ran(&[&turns[..], &key, &["--format", "json"]].concat());
        let comparison = assert_comparison(&text);
        let change = &comparison["new"][0];
        assert_eq!((change["basis"].as_str(), change["side"]["runs"].as_u64()), (Some("pairs"), Some(7)), "{said}");
        let figures = change["figures"].as_array().expect("figures");
        let median = figures.iter().find(|figure| figure["name"] == "response_time.p50").expect("the median");
        (code == 1 && median["verdict"] == "worse").then_some((out, median.clone()))
    });
    let (out, median) = found.expect("the slowdown is found");
    let within = |name: &str| (0.02..0.3).contains(&median[name].as_f64().expect("a number"));
    assert!(within("low") && within("change"), "{median}");

    let [base, slow] = ["base", "new"].map(|name| format!("{out}/{name}"));
    let pairs = (1..=7).map(|number| [&base, &slow].map(|side| roots(&format!("{side}/run-{number}"))));
    let mut salts = std::collections::BTreeSet::new();
    for [was, is] in pairs {
        assert_eq!(was.0, is.0, "both sides of a pair send the same plan");
        salts.extend([was.1, is.1]);
    }
    assert_eq!(salts.len(), 14, "and no run the text of another");
    let page = std::fs::read_to_string(format!("{out}/compare.html")).expect("a page");
    assert!(page.contains(">WORSE<") && page.contains("id=\"response-time-over-time\"") && page.len() < 1_000_000);
    let report = format!("markdown={out}/table.md");
    let (code, text, said) = ran(&["compare", &base, &slow, "--report", &report]);
    assert!(
        code == 1 && text.starts_with("WORSE: by more than 5.0 %, or newly broken: response_time.p50"),
        "{text}{said}"
    );
    assert!(std::fs::read_to_string(format!("{out}/table.md")).expect("a table").contains("| response\\_time.p50 |"));
    let (code, text, _) = ran(&["compare", &slow, &base]);
    // Eighty-four requests without an error do not rule out one in a hundred.
    assert!(code == 0 && text.starts_with("CANNOT TELL") && text.contains("better"), "the other way round: {text}");
    assert_eq!(ran(&["compare", &base, &slow, "--max-regression", "60%"]).0, 0);
    assert_eq!(ran(&["compare", &base, &slow, "--exit-zero"]).0, 0);
}

#[test]
fn runs_that_do_not_belong_together_are_refused_with_what_to_do() {
    let _machine = shared();
    let folder = tempfile::tempdir().expect("a folder");
    let [long, short] = ["long", "short"].map(|name| path(folder.path(), name));
    assert_eq!(ran(&["run", "smoke", "--count", "6", "--out", &long, "-q"]).0, 0);
    let set = ["--set", "case.0.max_tokens=3", "--set", "load.closed.concurrency=2"];
    assert_eq!(ran(&[&["run", "smoke", "--count", "6", "--out", &short, "-q"], &set[..]].concat()).0, 0);
    let (code, text, said) = ran(&["compare", &long, &short]);
    assert_eq!((code, text.as_str()), (4, ""));
    insta::assert_snapshot!(said, @"
    error: short does not belong to the base: it differs in more than what is under test
      - case.0.max_tokens: 32 in the base, 3 in short
      - load.closed.concurrency: 4 in the base, 2 in short
    help: make both with the same profile; target, model, labels, goals, seed and salt may differ
    help: if that is what you want to compare, say so: --under-test case.0.max_tokens --under-test load.closed.concurrency
    ");
    let (code, text, _) = ran(&["compare", &long, &short, "--under-test", "case", "--under-test", "load"]);
    assert!(
        code == 0 && text.starts_with("NO VERDICT: one run against one\n") && text.contains("--repeat 5"),
        "{text}"
    );
    std::fs::write(folder.path().join("short/summary.json"), "{").expect("written");
    let (code, _, said) = ran(&["compare", &long, &short]);
    assert!(code == 4 && said.contains("is not a summary of a run"), "{code} {said}");
    assert_eq!(ran(&["compare", &long, "nowhere"]).0, 2);
}

#[test]
fn one_run_is_compared_with_the_stored_runs_of_the_base() {
    let _machine = shared();
    let folder = tempfile::tempdir().expect("a folder");
    let [base, new] = ["base", "new"].map(|name| path(folder.path(), name));
    let smoke = ["run", "smoke", "--count", "6", "-q"];
    assert_eq!(ran(&[&smoke[..], &["--repeat", "2", "--out", &base]].concat()).0, 0);
    assert_eq!(ran(&[&smoke[..], &["--out", &new]].concat()).0, 0);
    let against_all = ["compare", "--base-runs", &base, &new];
    let (code, _, said) = ran(&against_all);
    assert!(code == 2 && said.contains("holds 2 runs; a baseline needs 3 or more"), "{code} {said}");
    assert_eq!(ran(&[&smoke[..], &["--out", &path(folder.path(), "base/later/one")]].concat()).0, 0);
    let (code, text, said) = ran(&[&against_all[..], &["--exit-zero", "--format", "json"]].concat());
    let comparison = assert_comparison(&text);
    assert_eq!((code, comparison["base"]["runs"].as_u64()), (0, Some(3)), "{said}");
    assert_eq!(comparison["new"][0]["basis"], "prediction");

    let first = path(folder.path(), "base/run-1");
    let (code, text, _) = ran(&["compare", &first, &new]);
    assert!(code == 0 && text.starts_with("NO VERDICT: one run against one\n"), "{code} {text}");
    assert_eq!(ran(&["compare", &first, &new, "--strict"]).0, 1);
    assert_eq!(ran(&["compare", &first]).0, 2);
}

/// Rates of the program itself, with runs that differ in their throughput alone, by 2 % from one to the next.
#[test]
fn the_program_raises_no_more_false_alarms_than_it_says() {
    let _machine = shared();
    let folder = tempfile::tempdir().expect("a folder");
    let one = path(folder.path(), "one");
    assert_eq!(ran(&["run", "smoke", "--count", "6", "-q", "--out", &one]).0, 0);
    let text = std::fs::read_to_string(format!("{one}/summary.json")).expect("a summary");
    let mut summary: Value = serde_json::from_str(&text).expect("JSON");
    let mut generator = Pcg64::seed_from_u64(17);
    let noise = LogNormal::new(0.0, 0.02).expect("parameters");
    // Some number of runs in a folder, whose throughput is this times what it was.
    let mut store = |name: &str, runs: u32, factor: f64| -> String {
        for run in 1..=runs {
            let folder = folder.path().join(name).join(format!("run-{run}"));
            std::fs::create_dir_all(&folder).expect("a folder");
            let completed = (1e6 * factor * noise.sample(&mut generator)).round();
            summary["counts"]["completed_in_window"] = format!("{completed}").parse::<u64>().expect("a count").into();
            std::fs::write(folder.join("summary.json"), summary.to_string()).expect("written");
        }
        path(folder.path(), name)
    };
    let called = |arguments: &[&str]| -> bool {
        let (_, text, said) = ran(&[&["compare"], arguments, &["--noise", "0%", "--format", "json"]].concat());
        let comparison: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {said}"));
        let figures = comparison["new"][0]["figures"].as_array().expect("figures");
        figures.iter().any(|figure| figure["verdict"] == "worse" || figure["verdict"] == "better")
    };
    let [mut alone, mut several, mut found] = [0, 0, 0];
    for _ in 0..20 {
        let (base, new, slow) = (store("a", 5, 1.0), store("b", 1, 1.0), store("c", 3, 1.0 / 1.2));
        assert!(!called(&[&format!("{base}/run-1"), &new]), "one run against one");
        alone += u32::from(called(&["--base-runs", &base, &new]));
        several += u32::from(called(&[&base, &store("d", 3, 1.0)]));
        found += u32::from(called(&[&base, &slow]));
    }
    // 5 % of 20 are 1, with a standard deviation of 1.
    assert!(alone <= 4 && several <= 4 && found == 20, "{alone} and {several} alarms, {found} of 20 found");
}

#[test]
fn a_seed_repeats_the_plan_and_with_its_salt_every_byte() {
    let shown = |more: &[&str]| {
        let run = ["run", "quickstart", "--dry-run=20", "--seed", "7"];
        let (code, text, said) = ran(&[&run[..], more].concat());
        assert_eq!(code, 0, "{said}");
        text
    };
    let salted = shown(&["--salt", "3"]);
    assert_eq!(salted, shown(&["--salt", "3"]));
    assert_ne!(salted, shown(&[]));
    assert_ne!(shown(&[]), shown(&[]));
    let reused = shown(&["--set", "reuse=true"]);
    assert_eq!(reused, shown(&["--set", "reuse=true", "--salt", "3"]));
}

#[test]
fn history_lists_what_is_there_and_names_what_cannot_be_read() {
    let _machine = shared();
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().to_string_lossy().into_owned();
    let run = ["run", "smoke", "--count", "6", "-q", "--label", "gpu=h200, two", "--repeat", "2"];
    assert_eq!(ran(&[&run[..], &["--out", &path(folder.path(), "twice")]].concat()).0, 0);
    std::fs::create_dir(folder.path().join("broken")).expect("a folder");
    std::fs::write(folder.path().join("broken/summary.json"), "{").expect("written");
    let (code, text, said) = ran(&["history", &root]);
    assert_eq!(code, 0);
    assert!(said.starts_with("warning: ") && said.contains("broken/summary.json"), "{said}");
    let head: Vec<&str> = text.lines().next().expect("a head").split_whitespace().collect();
    assert_eq!(head[..6], ["started", "folder", "profile", "target", "labels", "verdict"]);
    assert!(text.contains("twice/run-1") && text.contains("twice/run-2") && text.lines().count() == 3, "{text}");
    let (_, csv, _) = ran(&["history", &root, "--format", "csv"]);
    assert!(csv.starts_with("started,folder,profile,target,labels,verdict,requests_per_s,"), "{csv}");
    assert!(csv.contains(",\"gpu=h200, two\",pass,"), "{csv}");
    assert_eq!(ran(&["history", &path(folder.path(), "nowhere")]).0, 2);
}
