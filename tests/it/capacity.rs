//! `proofload capacity` as a user runs it: a search that is bounded and goes on, plans and rankings offline.

#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts are small")]

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use proofload::capacity::record::{Asked, Record};
use proofload::capacity::search::{Search, Step, Terms};
use proofload::capacity::stage::{Goals, Growth, Quantiles, Stage, Verdict};
use proofload::plan::Limits;
use proofload::plan::capacity::{SearchTerms, TokenPrice};
use serde_json::Value;

use crate::harness::{program, shared};

/// The record of a search of an endpoint whose knee is at that rate.
pub(crate) fn record(knee: f64, goal: &str) -> Record {
    let terms = SearchTerms {
        from: None,
        to: 1000.0,
        precision: 0.05,
        stage: Duration::from_secs(10),
        confirm: Duration::from_secs(30),
        cooldown: Duration::ZERO,
        goals: std::collections::BTreeMap::new(),
        limits: Limits::default(),
        cost: None,
        price: TokenPrice::default(),
    };
    let mut search = Search::new(Terms::new(&terms, &Goals::default(), 2.0, false, Duration::from_secs(1)));
    let ending = loop {
        match search.next() {
            Step::Stage(ask) => search.record(stage(ask.load, ask.confirms, knee, goal)),
            Step::Done(ending) => break ending,
        }
    };
    let asked = Asked {
        profile: "chat".to_owned(),
        reference: "chat".to_owned(),
        flags: ["--url", "http://127.0.0.1:8000/v1/chat/completions", "--dialect", "openai", "--header", "x-team=a b"]
            .map(str::to_owned)
            .to_vec(),
        target: "http://127.0.0.1:8000/v1/chat/completions".to_owned(),
        dialect: "openai".to_owned(),
        model: Some("llama".to_owned()),
        goals: vec![goal.to_owned()],
        started_unix_ms: 1_795_000_000_000,
        from: 2.0,
        to: 1000.0,
        precision: 0.05,
        ..Asked::default()
    };
    Record::of(asked, &search, Some(&ending))
}

/// A stage of an endpoint whose response time grows towards its knee.
fn stage(load: f64, confirms: bool, knee: f64, goal: &str) -> Stage {
    let holds = load <= knee;
    let response = 0.5 / (1.0 - (load / knee / 1.1).min(0.95));
    let quantiles = |factor: f64| Quantiles {
        mean: Some(response * 1e6 * factor),
        p50: Some(response * 0.9e6 * factor),
        p95: Some(response * 1.4e6 * factor),
        p99: Some(response * 1.7e6 * factor),
    };
    Stage {
        load,
        confirms,
        verdict: if holds { Verdict::Held } else { Verdict::Broke },
        reasons: if holds { Vec::new() } else { vec![goal.to_owned()] },
        offered_per_s: load,
        achieved_per_s: load.min(knee * 1.1),
        good_per_s: load.min(knee),
        input_tokens_per_s: load * 120.0,
        output_tokens_per_s: load * 60.0,
        first_token_us: quantiles(0.2),
        token_gap_us: quantiles(0.02),
        response_time_us: quantiles(1.0),
        response_time_ok_us: quantiles(1.0),
        error_rate: Some(0.0),
        violation_rate: Some(0.0),
        in_flight: Some(load.min(knee * 1.1) * response),
        backlog: if load > 1.5 * knee { Growth::Cut } else { Growth::Steady },
        trust: "trusted".to_owned(),
        requests: (load * 10.0) as u64,
        input_tokens: load * 1200.0,
        output_tokens: load * 600.0,
        measured_s: if confirms { 30.0 } else { 10.0 },
        took_s: if confirms { 32.0 } else { 12.0 },
        ..Stage::default()
    }
}

fn keep(folder: &Path, record: &Record) -> String {
    fs::create_dir_all(folder).expect("a folder");
    fs::write(folder.join("capacity.json"), serde_json::to_string(record).expect("JSON")).expect("written");
    folder.to_string_lossy().into_owned()
}

/// Exit code, stdout and stderr.
fn capacity(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = program().arg("capacity").args(arguments).output().expect("runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn assert_schema(document: &Value, name: &str) {
    let schema: Value = serde_json::from_str(&fs::read_to_string(name).expect("the schema")).expect("JSON");
    let validator = proofload::wire::schema::offline(&schema).expect("a schema");
    let faults = proofload::wire::schema::violations(&validator, document);
    assert!(faults.is_empty(), "{faults:?}");
}

#[test]
fn the_committed_schemas_are_the_generated_ones() {
    for (name, schema) in [
        ("schemas/capacity.json", proofload::capacity::record::schema()),
        ("schemas/capacity-plan.json", proofload::capacity::planning::schema()),
    ] {
        let text = serde_json::to_string_pretty(&schema).expect("JSON") + "\n";
        if std::env::var_os("PROOFLOAD_WRITE_SCHEMAS").is_some() {
            fs::write(name, &text).expect("written");
        }
        assert_eq!(fs::read_to_string(name).expect("the schema"), text, "{name}: set PROOFLOAD_WRITE_SCHEMAS=1");
    }
    assert_schema(&serde_json::to_value(record(20.0, "g")).expect("JSON"), "schemas/capacity.json");
}

#[test]
fn a_plan_reads_as_one_that_could_be_sent() {
    let folder = tempfile::tempdir().expect("a folder");
    let search = keep(folder.path(), &record(20.0, "first_token.p95 < 500ms"));
    let day = folder.path().join("day.csv");
    fs::write(&day, "time,rate\n00:00,15\n08:00,90\n18:00,40\n").expect("written");
    let began = Instant::now();
    let (code, text, stderr) = capacity(&[
        "plan",
        &search,
        "--demand",
        &day.to_string_lossy(),
        "--price",
        "2.50",
        "--headroom",
        "30%",
        "--start-time",
        "3m",
        "--scenario",
        "1,1.5,2",
        "--prepared-for",
        "the board",
    ]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(began.elapsed() < Duration::from_secs(30), "offline");
    insta::assert_snapshot!("plan", text);
    let (_, page, _) =
        capacity(&["plan", &search, "--demand", "50", "--price", "2", "--format", "html", "--title", "A <plan>"]);
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("<h1>A &lt;plan&gt;</h1>"), "{page}");
    assert!(
        page.contains("default-src 'none'") && !page.contains("<script") && !page.contains("src="),
        "it needs nothing else"
    );
    let day = day.to_string_lossy();
    let (_, page, _) = capacity(&["plan", &search, "--demand", &day, "--price", "2", "--format", "html"]);
    for picture in ["latency", "throughput", "goodput", "violations", "replicas"] {
        assert!(page.contains(&format!("<figure class=\"chart\" id=\"{picture}\">")), "{picture}: {page}");
    }
    let (code, page, _) = capacity(&["report", &search, "--format", "html", "--title", "Again"]);
    assert!(code == Some(0) && page.contains("<h1>Again</h1>") && page.contains("holds the goals up to"), "{page}");
    let (_, json, _) = capacity(&["plan", &search, "--demand", "50", "--price", "2", "--format", "json"]);
    let plan: Value = serde_json::from_str(&json).expect("JSON");
    assert_schema(&plan, "schemas/capacity-plan.json");
    assert!(plan["confirm"].as_str().is_some_and(|command| command.starts_with("proofload run chat --url http://")));
    let (_, csv, _) = capacity(&["plan", &search, "--demand", &day, "--price", "2", "--format", "csv"]);
    // A head, the hours, two lines of the bill and the total, which both come to.
    let rows: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), 1 + 24 + 2 + 1, "{csv}");
    let place = |name: &str| rows[0].iter().position(|head| *head == name).expect(name);
    let monthly = |kind: &str| {
        let own = rows.iter().filter(|row| row[place("kind")] == kind);
        own.map(|row| row[place("monthly")].parse::<f64>().expect("money")).sum::<f64>()
    };
    let total = monthly("scenario");
    assert!((monthly("hour") - total).abs() < 1e-6 && (monthly("charge") - total).abs() < 1e-6, "{csv}");
    let (_, markdown, _) = capacity(&["plan", &search, "--demand", "50", "--format", "markdown"]);
    assert!(markdown.contains("| demand | peak/s |"), "{markdown}");
}

/// Amounts as a table prints them, with thousands apart.
fn amount(cell: &str) -> f64 {
    cell.replace(' ', "").parse().expect(cell)
}

#[test]
fn the_hours_that_a_plan_prints_add_up_to_its_headline_to_the_cent() {
    let folder = tempfile::tempdir().expect("a folder");
    let search = keep(folder.path(), &record(20.0, "first_token.p95 < 500ms"));
    let day = folder.path().join("day.csv");
    fs::write(&day, "time,rate\n00:00,15\n08:00,90\n18:00,40\n").expect("written");
    let day = day.to_string_lossy();
    let own = ["--price", "2.47", "--token-price", "0.13,0.37", "--format", "markdown"];
    let (_, text, stderr) = capacity(&[&["plan", &search, "--demand", &day], &own[..]].concat());
    let rows: Vec<Vec<&str>> =
        text.lines().map(|line| line.trim_matches('|').split('|').map(str::trim).collect()).collect();
    let last = |row: &Vec<&str>| amount(row[row.len() - 1]);
    let hours = rows.iter().filter(|row| row.len() == 11 && row[0].contains(":00"));
    let month = rows.iter().find(|row| row.len() == 11 && row[0] == "a month").expect(&stderr);
    let bill: Vec<&Vec<&str>> = rows.iter().filter(|row| row.len() == 5 && row[0] == "1x").collect();
    let total = last(month);
    assert!((hours.map(last).sum::<f64>() - total).abs() < 0.001, "{text}");
    let (whole, lines) = bill.split_last().expect("a bill");
    assert_eq!(lines.len(), 4, "{text}");
    assert!(
        (lines.iter().map(|row| last(row)).sum::<f64>() - total).abs() < 0.001 && (last(whole) - total).abs() < 0.001
    );
    assert!(text.contains("a replica costs 2.47 USD an hour, and a month has 730 hours"), "{text}");
}

#[test]
fn what_is_wrong_with_a_plan_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let search = keep(&folder.path().join("a"), &record(20.0, "g"));
    for (arguments, code, said) in [
        (vec!["plan", &search, "--demand", "many"], 2, "neither a number of requests per second nor a readable file"),
        (vec!["plan", &search, "--demand", "-1"], 2, "--demand"),
        (vec!["plan", &search, "--demand", "5", "--headroom", "100%"], 2, "from 0% to below 100%"),
        (vec!["plan", &search, "--demand", "5", "--measured", "2=nowhere"], 2, "nowhere"),
        (vec!["plan", "nowhere", "--demand", "5"], 2, "holds no search"),
        (vec!["compare", &search], 2, "2 values required"),
    ] {
        let (got, _, stderr) = capacity(&arguments);
        assert!(got == Some(code) && stderr.contains(said), "{arguments:?}: {got:?} {stderr}");
    }
    fs::write(folder.path().join("a/capacity.json"), "{\"capacity\": 99}").expect("written");
    let (code, _, stderr) = capacity(&["plan", &search, "--demand", "5"]);
    assert_eq!(code, Some(4), "{stderr}");
    assert!(stderr.contains("format 99"), "{stderr}");
}

#[test]
fn rankings_say_when_nobody_can_tell() {
    let folder = tempfile::tempdir().expect("a folder");
    let goal = "first_token.p95 < 500ms";
    let [a, b, c] = [("a", 20.0, goal), ("b", 40.0, goal), ("c", 20.3, goal)]
        .map(|(name, knee, goal)| keep(&folder.path().join(name), &record(knee, goal)));
    let (code, text, stderr) = capacity(&["compare", &a, &b, &c]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(text.contains("b takes the most") && text.contains("cannot tell from"), "{text}");
    let d = keep(&folder.path().join("d"), &record(20.0, "first_token.p95 < 1s"));
    let (code, _, stderr) = capacity(&["compare", &a, &d]);
    assert_eq!(code, Some(4), "{stderr}");
    assert!(stderr.contains("different goals"), "{stderr}");
}

#[test]
fn a_bounded_search_says_so_and_goes_on_from_its_folder() {
    let _machine = shared();
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("search").to_string_lossy().into_owned();
    let flags = [
        "capacity",
        "--stage",
        "1s",
        "--confirm",
        "1s",
        "--set",
        "capacity.cooldown=0s",
        "--seed",
        "5",
        "--format",
        "json",
    ];
    let (code, json, stderr) = capacity(&[&flags[..], &["--max-requests", "90", "--out", &out]].concat());
    let first: Value = serde_json::from_str(&json).expect("JSON");
    assert!(code == Some(0) || code == Some(1), "{stderr}");
    assert!(stderr.contains("if that is about 8/s:") && stderr.contains(" requests, "), "the estimate: {stderr}");
    assert!(first["answer"]["ended"].as_str().is_some_and(|ended| ended.contains("--max-requests 90")), "{json}");
    assert_schema(&first, "schemas/capacity.json");
    let stages = first["stages"].as_array().map_or(0, Vec::len);
    let run = first["stages"][0]["run"].as_str().expect("a run");
    assert!(Path::new(&out).join(run).join("summary.json").exists(), "each stage is saved as a run");
    let (_, json, stderr) = capacity(&[&flags[..], &["--max-requests", "300", "--resume", &out]].concat());
    let second: Value = serde_json::from_str(&json).expect("JSON");
    assert!(stderr.contains(&format!("continuing after {stages} stages")), "{stderr}");
    assert!(second["stages"].as_array().map_or(0, Vec::len) > stages, "{json}");
    assert_eq!(second["stages"][0], first["stages"][0]);
    let (code, _, stderr) = capacity(&["capacity", "--goal", "error_rate < 5%", "--resume", &out]);
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains("differs in the goals"), "{stderr}");
}

#[test]
fn faults_of_the_tables_are_drawn() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("x.toml");
    fs::write(
        &file,
        "[target]\nurl = \"http://h/v1\"\n[target.builtin]\ncapacity = \"concurrency=1\"\n[load.open]\nrate = 1\nduration = \"1s\"\n\
         [capacity]\nmax_cost = 3\n[capacity.goals]\nstraemed = [\"ttft < 1s\"]\n\
         [[case]]\nname = \"streamed\"\nmessages = [{ role = \"user\", content = \"a\" }]\n",
    )
    .expect("written");
    let (code, _, stderr) = capacity(&[&file.to_string_lossy()]);
    assert_eq!(code, Some(2), "{stderr}");
    for said in ["without url = \"builtin\"", "max_cost needs a price", "did you mean streamed?", "needs a statistic"] {
        assert!(stderr.contains(said), "{said}: {stderr}");
    }
}

/// A search whose stages are short.
const QUICK: [&str; 6] = ["--stage", "1s", "--confirm", "1s", "--set", "capacity.cooldown=0s"];

#[test]
fn a_goal_for_a_case_is_held_against_that_case_and_named() {
    let _machine = shared();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("two.toml");
    fs::write(
        &file,
        // By chance, a short stage may ask nothing of one of the cases.
        "seed = 1\ngoals = [\"error_rate < 50%\", \"response_time.p50 < 10us for slow\", \"response_time.p50 < 1h for fast\"]\n\
         [target]\nurl = \"builtin\"\n[load.open]\nrate = 8\nduration = \"1s\"\n\
         [[case]]\nname = \"fast\"\nmax_tokens = 1\nmessages = [{ role = \"user\", content = \"{{unique}} a\" }]\n\
         [[case]]\nname = \"slow\"\nmax_tokens = 2\nmessages = [{ role = \"user\", content = \"{{unique}} b\" }]\n",
    )
    .expect("written");
    let out = folder.path().join("search").to_string_lossy().into_owned();
    let file = file.to_string_lossy();
    let (code, json, stderr) = capacity(&[&QUICK[..], &[&file, "--out", &out, "--format", "json"]].concat());
    let record: Value = serde_json::from_str(&json).expect("JSON");
    // A client that other programs keep from its work is not believed, and the search says so.
    let broken = serde_json::json!(["response_time.p50 < 10us (slow)"]);
    let believed = code == Some(1) && record["answer"]["breaks_first"] == broken;
    assert!(believed || code == Some(3) && record["answer"]["limit"] == "client", "{code:?} {stderr} {json}");
    let first = record["stages"][0]["goals"].as_array().expect("goals of a stage");
    let held = |case: &str| first.iter().find(|goal| goal["case"] == case).map(|goal| goal["held"].clone());
    assert_eq!((held("slow"), held("fast")), (Some(Value::Bool(false)), Some(Value::Bool(true))), "{json}");
    assert_eq!(record["asked"]["case_goals"]["fast"], serde_json::json!(["response_time.p50 < 1h"]));
}

/// What is given up at the end of a stage may keep an endpoint busy, and would make the next stage look worse.
#[test]
fn after_work_is_left_behind_the_endpoint_is_asked_whether_it_has_come_to_rest() {
    let _machine = shared();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("short.toml");
    fs::write(
        &file,
        "[target]\nurl = \"builtin\"\n[target.builtin]\ncapacity = \"concurrency=1,step=20ms\"\n\
         [load.open]\nrate = 2\nduration = \"1s\"\ngrace = \"1ms\"\n\
         [[case]]\nmax_tokens = 10\nmessages = [{ role = \"user\", content = \"{{unique}} a\" }]\n",
    )
    .expect("written");
    let out = folder.path().join("search");
    let flags = ["--max-requests", "150", "--goal", "error_rate < 90%", "--format", "json"];
    let named = [&*file.to_string_lossy(), "--out", &*out.to_string_lossy()];
    let (_, json, stderr) = capacity(&[&QUICK[..], &flags, &named].concat());
    let record: Value = serde_json::from_str(&json).expect(&stderr);
    let (mut held, mut left) = (false, 0);
    for stage in record["stages"].as_array().expect("stages") {
        let run = out.join(stage["run"].as_str().expect("a run")).join("summary.json");
        let summary: Value = serde_json::from_slice(&fs::read(run).expect("kept")).expect("JSON");
        let leaves_work = ["outcomes", "warmup"].iter().any(|part| summary[*part].get("unfinished").is_some());
        assert_eq!(stage["probes"].as_u64() > Some(0), leaves_work && held, "{stage}");
        held |= stage["verdict"] == "held";
        left += u32::from(leaves_work);
    }
    assert!(left > 0, "{json}");
}

/// Exit codes, the record and the plan of a search whose answer is run for longer.
#[test]
fn an_answer_is_verified_for_longer_and_the_plan_carries_it() {
    let _machine = shared();
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("search").to_string_lossy().into_owned();
    // The endpoint is the one in the profile `capacity`, and the goal holds at any load.
    let own = ["capacity", "--rate", "4", "--to", "8", "--goal", "error_rate < 99%", "--seed", "5", "--out", &out];
    let (code, json, stderr) = capacity(&[&QUICK[..], &own, &["--format", "json"]].concat());
    let found: Value = serde_json::from_str(&json).expect(&stderr);
    assert_eq!(code, Some(0), "{stderr} {json}");
    let low = found["answer"]["low"].as_f64().expect("a lower end");
    let (_, plan, _) = capacity(&["plan", &out, "--demand", "50"]);
    assert!(plan.contains("is not verified over a longer time"), "{plan}");
    let (code, json, stderr) = capacity(&["verify", &out, "--duration", "2s", "--format", "json"]);
    let verified: Value = serde_json::from_str(&json).expect(&stderr);
    assert_eq!((code, verified["stage"]["verdict"].as_str()), (Some(0), Some("held")), "{stderr} {json}");
    assert_eq!((verified["stage"]["load"].as_f64(), verified["duration_s"].as_f64()), (Some(low), Some(2.0)));
    assert!(Path::new(&out).join("verify/01/summary.json").exists(), "it is kept as a run");
    let (_, plan, _) = capacity(&["plan", &out, "--demand", "50"]);
    assert!(plan.contains("held over 2s"), "{plan}");
    // What a bound ends is not known.
    let (code, text, stderr) = capacity(&["verify", &out, "--duration", "1h", "--max-requests", "3"]);
    assert_eq!(code, Some(3), "{stderr} {text}");
    assert!(text.contains("NOT KNOWN") && text.contains("--max-requests 3"), "{text}");
    let kept = fs::read_to_string(Path::new(&out).join("capacity.json")).expect("the record");
    let mut kept: Value = serde_json::from_str(&kept).expect("JSON");
    assert_eq!(kept["verifications"].as_array().map(Vec::len), Some(2));
    assert_schema(&kept, "schemas/capacity.json");
    // The same against a goal that no reply keeps.
    let never = "response_time.p50 < 1us";
    (kept["asked"]["goals"], kept["asked"]["flags"]) =
        (serde_json::json!([never]), serde_json::json!(["--goal", never]));
    fs::write(Path::new(&out).join("capacity.json"), kept.to_string()).expect("written");
    let (code, text, stderr) = capacity(&["verify", &out, "--duration", "2s"]);
    let believed = code == Some(1) && text.contains("BROKE") && text.contains("broke after 0s of 2s");
    assert!(believed || code == Some(3) && text.contains("NOT KNOWN"), "{code:?} {stderr} {text}");
}

#[test]
fn a_search_that_was_killed_in_its_first_stage_goes_on() {
    let _machine = shared();
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("search");
    let kept = out.join("capacity.json");
    let out = out.to_string_lossy().into_owned();
    let first = ["capacity", "capacity", "--stage", "1h", "--max-time", "2h", "--out", &out];
    let mut child = program().args(first).spawn().expect("runs");
    let until = Instant::now() + Duration::from_secs(60);
    while !kept.exists() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().expect("killed");
    child.wait().expect("ended");
    // It goes on, and its bound ends it before anything is known.
    let bounded =
        ["capacity", "--stage", "1h", "--max-time", "2h", "--max-requests", "1", "--resume", &out, "--format", "json"];
    let (code, json, stderr) = capacity(&bounded);
    let record: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(code, Some(3), "{stderr}");
    assert!(record["answer"]["ended"].as_str().is_some_and(|ended| ended.contains("--max-requests 1 is")), "{json}");
}
