//! A run that several machines share, and what its parts come to.

use std::path::Path;

use serde_json::Value;

use crate::dialect::Dialect;
use crate::harness::{Endpoint, assert_digest, program, settings, shared};

fn run(url: &str, out: &Path, more: &[&str]) -> i32 {
    let own = ["run", "quickstart", "--url", url, "--dialect", "openai", "--model", "gpt-4o"];
    let rest = ["--header", "authorization=Bearer x", "--rate", "40", "--count", "41", "--set", "goals=[]", "--quiet"];
    let output = program().args(own).args(rest).args(more).arg("--out").arg(out).output().expect("runs");
    output.status.code().unwrap_or(-1)
}

fn merged(runs: &[&Path]) -> (i32, Value, String) {
    let output = program().arg("merge").args(runs).args(["--no-out", "--format", "json"]).output().expect("runs");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().unwrap_or(-1), serde_json::from_slice(&output.stdout).unwrap_or_default(), stderr)
}

fn report(run: &Path) -> Value {
    let output = program().arg("report").arg(run).args(["--format", "json"]).output().expect("runs");
    serde_json::from_slice(&output.stdout).expect("a digest")
}

#[test]
fn parts_come_to_the_run_of_one_machine() {
    let _machine = shared();
    let endpoint = Endpoint::start(settings(Dialect::OpenAi, 2, 0, Vec::new()));
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let url = endpoint.url();
    run(&url, &at("whole"), &["--seed", "5", "--salt", "9"]);
    for part in ["1", "2", "3"] {
        run(&url, &at(part), &["--seed", "5", "--salt", "9", "--shard", &format!("{part}/3")]);
    }
    let whole = report(&at("whole"));
    let parts = [at("3"), at("1"), at("2")];
    let (_, merged_digest, stderr) = merged(&parts.each_ref().map(std::path::PathBuf::as_path));
    assert_digest(&merged_digest);
    assert_eq!(report(&at("2"))["shard"], "2/3");
    for key in
        ["/requests/planned", "/requests/ok", "/outcomes", "/statuses", "/tokens/prompt", "/prompts", "/load", "/shard"]
    {
        assert_eq!(merged_digest.pointer(key), whole.pointer(key), "{key}: {stderr}");
    }
    let cases = |digest: &Value| {
        let cases = digest["cases"].as_object().expect("cases");
        cases.iter().map(|(name, case)| (name.clone(), case["requests"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(cases(&merged_digest), cases(&whole));
    let kept = program().arg("merge").args(&parts).arg("--out").arg(at("all")).output().expect("runs");
    assert!(String::from_utf8_lossy(&kept.stdout).contains("41 of 41 requests ok"), "{kept:?}");
    // What is late is a matter of time, so the parts are compared with what they were put together to before.
    assert_eq!(report(&at("all"))["requests"], merged_digest["requests"]);

    // What does not belong together.
    run(&url, &at("other"), &["--seed", "6", "--salt", "9", "--shard", "1/3"]);
    run(&url, &at("salted"), &["--seed", "5", "--salt", "8", "--shard", "1/3"]);
    run(&url, &at("longer"), &["--seed", "5", "--salt", "9", "--shard", "1/3", "--set", "case.0.max_tokens=3"]);
    run(&url, &at("half"), &["--seed", "5", "--salt", "9", "--shard", "1/2"]);
    let cases: [(&[&str], &str); 8] = [
        (&["1", "2"], "of 3 parts, 3/3 is missing"),
        (&["1", "2", "2"], "is part 2/3, and"),
        (&["half", "2", "3"], "is part 1/2, and"),
        (&["other", "2", "3"], "the seed is 6 in one and 5 in the other"),
        (&["salted", "2", "3"], "the salt is 8 in one and 9 in the other"),
        (&["longer", "2", "3"], "case.0.max_tokens = 3 in one"),
        (&["whole"], "is a whole run, and no part of one"),
        (&["1", "2", "damaged"], "is not a summary"),
    ];
    std::fs::create_dir(at("damaged")).expect("a folder");
    std::fs::write(at("damaged").join("summary.json"), "{").expect("written");
    for (names, told) in cases {
        let runs: Vec<_> = names.iter().map(|name| at(name)).collect();
        let (code, _, stderr) = merged(&runs.iter().map(std::path::PathBuf::as_path).collect::<Vec<_>>());
        assert!(code == 4 && stderr.contains(told), "{names:?}: {code} {stderr}");
    }
}

#[test]
fn a_part_needs_a_seed_a_salt_and_a_number_that_there_is() {
    let cases: [(&[&str], &str); 4] = [
        (&["--shard", "1/2"], "give all of them the same --seed"),
        (&["--shard", "1/2", "--seed", "5"], "the same --salt, another one for each run"),
        (&["--shard", "3/2"], "from 1/4 to 4/4"),
        (&["--shard", "0/2"], "from 1/4 to 4/4"),
    ];
    for (arguments, told) in cases {
        let output = program().args(["run", "quickstart", "--no-out"]).args(arguments).output().expect("runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && stderr.contains(told), "{arguments:?}: {stderr}");
    }
}
