//! What is sent: prompt files of every form, variables, images, and profiles made from logs.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use proofload::capacity::planning::demand::Demand;
use proofload::exchange::Ticket;
use proofload::plan::Plan;
use proofload::profile::flags::Flags;
use proofload::profile::load::World;
use proofload::profile::{Draft, Problems, load};
use serde_json::{Value, json};

use crate::harness::program;

const HEAD: &str =
    "[target]\nurl = \"http://127.0.0.1:1/v1\"\nmodel = \"m\"\n[load.open]\nrate = 5\nduration = \"1s\"\n[[case]]\n";

/// A folder with a profile and data files beside it.
fn folder(case: &str, files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("written");
    }
    fs::write(folder.path().join("p.toml"), format!("{HEAD}{case}")).expect("written");
    folder
}

fn draft(folder: &Path) -> Result<Draft, Problems> {
    let env = |name: &str| (name == "CITY").then(|| "Bern \"old\"".to_owned());
    let world = World { env: &env, today: "2026-11-22".to_owned(), salt: 1 };
    load(&folder.join("p.toml").to_string_lossy(), &Flags::default(), &world)
}

fn plan(case: &str, files: &[(&str, &str)]) -> Plan {
    let folder = folder(case, files);
    draft(folder.path()).unwrap_or_else(|problems| panic!("{}", problems.draw(false))).plan(7)
}

fn faults(case: &str, files: &[(&str, &str)]) -> String {
    let folder = folder(case, files);
    let drawn = draft(folder.path()).expect_err("faults").draw(false);
    drawn.replace(&*folder.path().to_string_lossy(), "[folder]")
}

fn body(plan: &Plan, seq: u64) -> Value {
    let asked = plan.cases[0].render(&Ticket::alone(seq, 0, Duration::ZERO), plan.seed);
    serde_json::from_slice(&asked.body).expect("JSON")
}

fn content(body: &Value) -> &str {
    body["messages"].as_array().and_then(|all| all.last()?["content"].as_str()).expect("a text")
}

#[test]
fn prompt_files_of_every_form_are_sent() {
    let lines = "\"one\"\n{\"prompt\": \"two\"}\n{\"messages\": [{\"role\": \"user\", \"content\": \"three\"}]}\n";
    let share = r#"[{"id": "x", "conversations": [{"from": "human", "value": "four {{env.CITY}}"}, {"from": "gpt", "value": "no"}]}, {"conversations": []}]"#;
    let case = "prompt_files = [\"a.jsonl\", \"b.json\", \"c.txt\"]";
    let folder = folder(case, &[("a.jsonl", lines), ("b.json", share), ("c.txt", "five\n")]);
    let draft = draft(folder.path()).unwrap_or_else(|problems| panic!("{}", problems.draw(false)));
    assert_eq!(draft.notes, ["b.json: 1 of 2 conversations have no human turn, and are left out"]);
    let plan = draft.plan(7);
    let sent: HashSet<String> = (0..200).map(|seq| content(&body(&plan, seq)).to_owned()).collect();
    // Others' words are sent as they are, whatever they look like.
    let wanted = ["one", "two", "three", "four {{env.CITY}}", "five"].map(str::to_owned);
    assert_eq!(sent, HashSet::from(wanted));
}

#[test]
fn a_line_of_a_batch_brings_fields_of_its_own() {
    let line = |text: &str, cap: u64| {
        json!({"custom_id": text, "method": "POST", "url": "/v1/chat/completions",
            "body": {"model": "other", "messages": [{"role": "user", "content": text}], "max_tokens": cap}})
        .to_string()
    };
    let batch = [line("a", 5), line("b", 6)].join("\n");
    let plan = plan("stream = true\nmax_tokens = 99\nprompt_files = [\"batch.jsonl\"]", &[("batch.jsonl", &batch)]);
    let sent: HashSet<(String, u64)> = (0..50)
        .map(|seq| body(&plan, seq))
        .map(|body| (content(&body).to_owned(), body["max_tokens"].as_u64().expect("a cap")))
        .collect();
    assert_eq!(sent, HashSet::from([("a".to_owned(), 5), ("b".to_owned(), 6)]));
    let body = body(&plan, 0);
    assert_eq!((&body["model"], &body["stream"]), (&json!("other"), &json!(true)));
}

#[test]
fn variables_come_from_the_environment_and_from_rows() {
    let case = "variables = \"users.csv\"\nmessages = [{ role = \"user\", content = \"{{unique}} {{row.name}} of {{env.CITY}} {{other}}\" }]";
    let plan = plan(case, &[("users.csv", "id,name\n1,\"Ann \"\"A\"\"\"\n2,Bo\n")]);
    let text = |seq| content(&body(&plan, seq)).split_once(' ').expect("a tag").1.to_owned();
    assert_eq!(text(0), "Ann \"A\" of Bern \"old\" {{other}}");
    assert_eq!(text(1), "Bo of Bern \"old\" {{other}}");
    assert_eq!(text(2), text(0));
}

#[test]
fn images_stand_behind_the_text() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("dot.png"), b"\x89PNG\r\n\x1a\nrest").expect("written");
    let case = "image_files = [\"dot.png\"]\nmessages = [{ role = \"user\", content = \"{{unique}} What is it?\" }]";
    fs::write(folder.path().join("p.toml"), format!("{HEAD}{case}")).expect("written");
    let plan = draft(folder.path()).unwrap_or_else(|problems| panic!("{}", problems.draw(false))).plan(7);
    let parts = body(&plan, 0)["messages"][0]["content"].clone();
    assert!(parts[0]["text"].as_str().is_some_and(|text| text.ends_with("What is it?")), "{parts}");
    assert_eq!(parts[1]["image_url"]["url"], "data:image/png;base64,iVBORw0KGgpyZXN0");
    let written = "messages = [{ role = \"user\", content = [{ type = \"text\", text = \"hi\" }, { type = \"image_url\", image_url = { url = \"http://h/a.png\" } }] }]";
    let plan = plan_of(written);
    assert_eq!(body(&plan, 0)["messages"][0]["content"][1]["image_url"]["url"], "http://h/a.png");
}

fn plan_of(case: &str) -> Plan {
    plan(case, &[])
}

#[test]
fn faults_in_data_files_are_named_by_line_and_all_at_once() {
    let case = "prompt_files = [\"a.jsonl\", \"b.json\"]\nvariables = \"users.csv\"\nimage_files = [\"a.jsonl\"]\n\
        messages = [{ role = \"user\", content = \"{{row.nam}} {{env.NOWHERE}}\" }]\n";
    let lines = "\"fine\"\n{}\n{\"messages\": [{\"role\": \"nobody\"}]}\n{\"url\": \"/v1/embeddings\", \"body\": {}}\n";
    let files = [("a.jsonl", lines), ("b.json", "{\"no\": \"list\"}"), ("users.csv", "id,name\n1\n2,Bo\n")];
    insta::assert_snapshot!(faults(case, &files));
}

#[test]
fn a_log_becomes_a_profile_that_runs_and_a_curve() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log.csv");
    let mut second = 0.0;
    let rows = (0..400_u32).map(|row| {
        second += f64::from(row * 7919 % 100) / 20.0;
        let app = if row % 4 == 0 { "search" } else { "chat" };
        format!("{second:.3},{},{},{app}", 100 + row * 31 % 50, 1 + row % 9)
    });
    let text = std::iter::once("ts,prompt,completion,app".to_owned()).chain(rows).collect::<Vec<_>>().join("\n");
    fs::write(&log, text).expect("written");
    let file = folder.path().join("made.toml");
    let new = |columns: &str| {
        program()
            .args(["profile", "new"])
            .arg(&file)
            .arg("--from")
            .arg(&log)
            .args(["--columns", columns])
            .output()
            .expect("runs")
    };
    assert_eq!(new("time=ts,in=nowhere,out=completion").status.code(), Some(2));
    let output = new("time=ts,in=prompt,out=completion,route=app");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(
        stdout.contains("400 requests over") && stdout.contains("distance") && stdout.contains("burstiness"),
        "{stdout}"
    );
    // The curve is one that capacity plans take: 400 requests in 16 minutes are 0.4 per second, the busiest minute more.
    let curve = fs::read_to_string(folder.path().join("made.demand.csv")).expect("a curve");
    let demand = Demand::read(&curve).unwrap_or_else(|error| panic!("{error}: {curve}"));
    assert!((0.4..1.0).contains(&demand.peak()), "{curve}");
    let shown = program().arg("run").arg(&file).args(["--dry-run=0", "--seed", "7"]).output().expect("runs");
    assert_eq!(shown.status.code(), Some(0), "{}", String::from_utf8_lossy(&shown.stderr));
    assert!(String::from_utf8_lossy(&shown.stdout).contains("gamma"));
    assert_ne!(new("time=ts,in=prompt,out=completion").status.code(), Some(0), "a file is never overwritten");
}
