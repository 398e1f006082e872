//! What earlier versions called otherwise: users still type it, and their folders are still read.

use std::fs;
use std::path::Path;

use proofload::profile::flags::Flags;
use proofload::profile::load::World;
use proofload::profile::{Draft, Problems, load};
use serde_json::Value;

use crate::harness::{program, shared};

const HEAD: &str = "[target]\nurl = \"http://127.0.0.1:1/v1\"\nmodel = \"m\"\n";
const CASE: &str = "[[case]]\nmessages = [{ role = \"user\", content = \"{{unique}} hi\" }]\nextra = { slots = 9 }\n";

fn read(loads: &str, set: &[(&str, &str)]) -> Result<Draft, Problems> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("p.toml");
    fs::write(&file, format!("{HEAD}{loads}{CASE}")).expect("written");
    let set = set.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let world = World { env: &|_| None, today: "2026-11-22".to_owned(), salt: 1 };
    load(&file.to_string_lossy(), &Flags { set, ..Flags::default() }, &world)
}

/// A draft in full.
fn draft(loads: &str, set: &[(&str, &str)]) -> String {
    match read(loads, set) {
        Ok(draft) => format!("{draft:?}"),
        Err(problems) => panic!("{}", problems.draw(false)),
    }
}

fn ran(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = program().current_dir(folder).args(arguments).output().expect("runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().expect("a code"), text(&output.stdout), text(&output.stderr))
}

/// Rewrites a file with the names of an earlier version, which must be in it.
fn made_old(file: &Path, names: &[(&str, &str)]) {
    let mut text = fs::read_to_string(file).expect("a file");
    for (new, old) in names {
        assert!(text.contains(new), "{} has no {new}: {text}", file.display());
        text = text.replace(new, old);
    }
    fs::write(file, text).expect("written");
}

#[test]
fn a_profile_with_slots_gives_the_draft_of_one_with_concurrency() {
    for new in [
        "[load.closed]\nconcurrency = 3\ncount = 9\n",
        "[load.closed]\nstages = [{ concurrency = 4, duration = \"1m\" }, { from = 4, to = 64, duration = \"2m\" }]\n",
        "[loads.\"a/b\".closed]\nconcurrency = 3\ncount = 9\n[loads.c.open]\nrate = 1\ncount = 2\n",
    ] {
        let old = new.replace("concurrency", "slots");
        assert_eq!(draft(&old, &[]), draft(new, &[]), "{old}");
    }
    let new = "[load.closed]\nconcurrency = 3\ncount = 9\n";
    assert_eq!(draft(&new.replace("concurrency", "slots"), &[("load.closed.concurrency", "3")]), draft(new, &[]));
}

#[test]
fn set_takes_the_old_key_in_the_place_of_the_profiles_own() {
    for file in ["concurrency", "slots"] {
        let load = format!("[load.closed]\n{file} = 3\ncount = 9\n");
        for set in ["load.closed.concurrency", "load.closed.slots"] {
            let draft = draft(&load, &[(set, "5")]);
            assert!(draft.contains("concurrency = 5\\n"), "{file} {set}: {draft}");
        }
        assert!(draft(&load, &[("load.closed", "{ slots = 5, count = 2 }")]).contains("concurrency = 5\\n"));
    }
}

#[test]
fn both_names_of_one_key_are_a_problem_that_shows_both() {
    let both = read("[load.closed]\nslots = 3\ncount = 9\nconcurrency = 4\n", &[]).expect_err("both");
    let drawn = both.draw(false);
    let shown = |text: &str| drawn.lines().any(|line| line.contains(" | ") && line.contains(text));
    assert!(
        drawn.starts_with("error: both slots and concurrency, which are one key\n") && both.count() == 1,
        "{drawn}"
    );
    assert!(drawn.contains("p.toml:5:1") && shown("slots = 3") && shown("concurrency = 4"), "{drawn}");
    let set = [("load.closed.slots", "3"), ("load.closed.concurrency", "4")];
    let both = read("[load.closed]\nslots = 3\ncount = 9\n", &set).expect_err("both").draw(false);
    assert!(
        both.contains("both --set load.closed.slots and --set load.closed.concurrency, which are one key"),
        "{both}"
    );
    let table = [("load.closed", "{ slots = 5, concurrency = 5, count = 2 }")];
    let both = read("", &table).expect_err("both").draw(false);
    assert!(both.contains("both slots and concurrency, which are one key"), "{both}");
    // Elsewhere it is a name like any other.
    let elsewhere =
        read("slots = 3\n[load.open]\nslots = 3\nrate = 1\ncount = 1\n", &[]).expect_err("unknown").draw(false);
    assert!(elsewhere.contains("unknown key slots"), "{elsewhere}");
}

#[test]
fn the_flag_slots_is_concurrency_and_hidden() {
    let folder = tempfile::tempdir().expect("a folder");
    for command in ["run", "capacity"] {
        let (_, help, _) = ran(folder.path(), &[command, "--help"]);
        assert!(help.contains("--concurrency <N>") && !help.contains("--slots"), "{help}");
        for other in [["--concurrency", "3"], ["--rate", "3"]] {
            let (code, _, said) = ran(folder.path(), &[&[command, "smoke", "--slots", "2"], &other[..]].concat());
            assert!(code == 2 && said.contains(other[0]) && said.contains("--slots"), "{said}");
        }
    }
    let shown =
        |flag: &str| ran(folder.path(), &["run", "smoke", flag, "7", "--seed", "1", "--salt", "2", "--dry-run"]);
    let (code, plan, _) = shown("--concurrency");
    assert!(code == 0 && plan.contains("concurrency 7"), "{plan}");
    assert_eq!(shown("--slots").1, plan);
}

#[test]
fn a_sweep_of_an_earlier_version_goes_on_and_both_names_are_one_sweep() {
    let _machine = shared();
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let sweep = |key: &str| {
        let values = format!("{key}=1,2");
        ran(
            at,
            &["run", "smoke", "--count", "4", "--set", "goals=[]", "--seed", "5", "--out", "kept", "--sweep", &values],
        )
    };
    assert_eq!(sweep("slots").0, 0);
    assert!(at.join("kept/concurrency=1/summary.json").exists(), "the present name");
    let (code, table, said) = sweep("concurrency");
    assert!(code == 0 && said.matches(": kept from before").count() == 2, "{said}");
    assert!(table.trim_start().starts_with("concurrency"), "{table}");

    for point in ["1", "2"] {
        let old = at.join(format!("kept/slots={point}"));
        fs::rename(at.join(format!("kept/concurrency={point}")), &old).expect("renamed");
        let load = format!("closed loop, {point} slots");
        let names = [
            (format!("closed loop, concurrency {point}"), load.as_str()),
            ("load.closed.concurrency".to_owned(), "load.closed.slots"),
        ];
        made_old(&old.join("summary.json"), &names.each_ref().map(|(new, old)| (new.as_str(), *old)));
    }
    let names = [("load.closed.concurrency", "load.closed.slots"), ("--sweep concurrency", "--sweep slots")];
    made_old(&at.join("kept/series.json"), &names);
    for key in ["slots", "concurrency"] {
        let (code, _, said) = sweep(key);
        assert!(code == 0 && said.matches(": kept from before").count() == 2, "{said}");
    }
    let (_, report, _) = ran(at, &["report", "kept/slots=1"]);
    assert!(report.contains("closed loop, concurrency 1,"), "{report}");
    let both = ["run", "smoke", "--no-out", "--sweep", "slots=1", "--sweep", "concurrency=2"];
    let (code, _, said) = ran(at, &both);
    assert!(code == 2 && said.contains("both --sweep slots and --sweep concurrency"), "{said}");
}

#[test]
fn a_summary_of_an_earlier_version_is_reported_in_the_words_of_today() {
    let folder = tempfile::tempdir().expect("a folder");
    let old = include_str!("../fuzz/corpus/summary/smoke");
    assert!(old.contains("closed loop, 2 slots") && old.contains("load.closed.slots"), "an earlier version wrote it");
    fs::write(folder.path().join("summary.json"), old).expect("written");
    let (_, report, said) = ran(folder.path(), &["report", "summary.json"]);
    assert!(report.contains("closed loop, concurrency 2, 4 requests"), "{report}{said}");
    let (_, digest, _) = ran(folder.path(), &["report", "summary.json", "--format", "json"]);
    assert!(digest.contains("closed loop, concurrency 2, 4 requests"), "{digest}");
}

#[test]
fn a_run_of_an_earlier_version_is_the_base_of_a_new_one() {
    let _machine = shared();
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let run = |out: &str, concurrency: &str| {
        ran(at, &["run", "smoke", "--count", "6", "--concurrency", concurrency, "--out", out, "-q"]).0
    };
    assert_eq!((run("old", "4"), run("new", "4"), run("more", "2")), (0, 0, 0));
    made_old(&at.join("old/summary.json"), &[("load.closed.concurrency", "load.closed.slots")]);
    let (code, text, said) = ran(at, &["compare", "old", "new"]);
    assert!(code == 0 && text.starts_with("NO VERDICT: one run against one"), "{text}{said}");
    let (code, _, said) = ran(at, &["compare", "old", "more"]);
    assert!(code == 4 && said.contains("load.closed.concurrency: 4 in the base, 2 in more"), "{said}");
    for key in ["load.closed.slots", "load.closed.concurrency"] {
        assert_eq!(ran(at, &["compare", "old", "more", "--under-test", key]).0, 0, "{key}");
    }
}

#[test]
fn a_search_of_format_2_is_read_and_one_of_format_1_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let kept = include_str!("old_names/search-2.json");
    let mut old: Value = serde_json::from_str(kept).expect("JSON");
    assert_eq!(old["capacity"], 2, "this is what version 0.1 wrote");
    assert!(old["asked"]["slots"].is_boolean() && old["answer"].get("slots").is_some());
    old["asked"]["slots"] = Value::from(true);
    old["answer"]["slots"] = Value::from(16.0);
    old["answer"]["low_slots"] = Value::from(14.0);
    old["asked"]["load"] = Value::from("closed loop, 4 slots for 4s");
    let write = |value: &Value| fs::write(folder.path().join("capacity.json"), value.to_string()).expect("written");
    write(&old);
    let (code, json, said) = ran(folder.path(), &["capacity", "report", "capacity.json", "--format", "json"]);
    let new: Value = serde_json::from_str(&json).unwrap_or_else(|_| panic!("{code} {json}{said}"));
    let read = ["/capacity", "/asked/concurrency", "/answer/concurrency", "/answer/low_concurrency", "/asked/load"];
    let read = read.map(|place| new.pointer(place).unwrap_or(&Value::Null).to_string());
    assert_eq!(read, ["3", "true", "16.0", "14.0", "\"closed loop, concurrency 4 for 4s\""]);
    let (_, text, _) = ran(folder.path(), &["capacity", "report", "capacity.json"]);
    assert!(text.contains("concurrency 16") && !text.contains("slots"), "{text}");
    old["capacity"] = Value::from(1);
    write(&old);
    let (code, _, said) = ran(folder.path(), &["capacity", "report", "capacity.json"]);
    assert!(code == 4 && said.contains("reads format 3"), "{code} {said}");
}
