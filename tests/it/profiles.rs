//! Profiles: presets and the starter load, faults are shown all at once, flags change what they say, and every body
//! field of the contract can be set.

use std::fs;
use std::path::Path;

use proofload::exchange::Ticket;
use proofload::plan::Plan;
use proofload::profile::flags::Flags;
use proofload::profile::load::World;
use proofload::profile::{Draft, Problems, load, preset, schema};
use serde_json::{Value, json};

use crate::harness::program;

fn read(reference: &str, flags: &Flags) -> Result<Draft, Problems> {
    let env = |name: &str| matches!(name, "PULZE_API_KEY" | "AZURE_KEY").then(|| format!("secret-of-{name}"));
    load(reference, flags, &World { env: &env, today: "2026-11-22".to_owned(), salt: 1 })
}

fn written(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("p.toml"), text).expect("written");
    folder
}

fn plan_with(text: &str, flags: &Flags) -> Plan {
    let folder = written(text);
    match read(&folder.path().join("p.toml").to_string_lossy(), flags) {
        Ok(draft) => draft.plan(7),
        Err(problems) => panic!("{}", problems.draw(false)),
    }
}

/// The body that a case sends, as JSON.
fn body(plan: &Plan, case: usize, seq: u64) -> Value {
    let asked = plan.cases[case].render(&Ticket::alone(seq, case, std::time::Duration::ZERO), plan.seed);
    serde_json::from_slice(&asked.body).expect("JSON")
}

const HEAD: &str =
    "[target]\nurl = \"http://127.0.0.1:1/v1\"\nmodel = \"m\"\n[load.open]\nrate = 5\nduration = \"1s\"\n";
const CASE: &str = "[[case]]\nmessages = [{ role = \"user\", content = \"hi\" }]\n";

#[test]
fn every_preset_loads_by_name_and_against_another_server() {
    assert!(preset::ALL.len() >= 5);
    for preset in preset::ALL {
        let builtin = read(preset.name, &Flags::default()).unwrap_or_else(|p| panic!("{}", p.draw(false)));
        assert!(builtin.target.builtin && builtin.name == preset.name);
        let flags = Flags { url: Some("http://127.0.0.1:8000/v1".into()), model: Some("m".into()), ..Flags::default() };
        let other = read(preset.name, &flags).unwrap_or_else(|p| panic!("{}", p.draw(false)));
        assert_eq!(other.target.contract.name(), "openai");
        let plan = other.plan(1);
        assert!(plan.cases.iter().all(proofload::plan::case::Case::is_unique), "{}: prompts repeat", preset.name);
    }
}

#[test]
fn presets_are_the_files_of_the_profiles_folder() {
    let mut files: Vec<String> = fs::read_dir("profiles")
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path().file_stem().expect("a name").to_string_lossy().into_owned())
        .filter(|name| name != "starter")
        .collect();
    files.sort();
    let mut names: Vec<&str> = preset::ALL.iter().map(|preset| preset.name).collect();
    names.sort_unstable();
    assert_eq!(files, names);
}

#[test]
fn the_starter_is_a_profile_and_so_are_its_commented_lines() {
    let folder = written(preset::STARTER);
    assert!(read(&folder.path().join("p.toml").to_string_lossy(), &Flags::default()).is_ok());
}

#[test]
fn the_designs_example_loads() {
    let text = include_str!("profiles/design.toml");
    let plan = plan_with(text, &Flags::default());
    assert_eq!(plan.profile, "chat");
    assert_eq!((plan.seed, plan.goals.len(), plan.labels.len()), (7, 2, 2));
    let shown: Vec<(&str, &str)> = plan.target.headers.iter().map(|h| (h.name.as_str(), h.shown.as_str())).collect();
    assert!(shown.contains(&("authorization", "Bearer ${PULZE_API_KEY}")));
    assert!(shown.contains(&("x-team", "search")) && shown.contains(&("api-key", "${AZURE_KEY}")));
    assert!(shown.contains(&("pulze-policies", r#"{"max_same_model_retries":0,"max_switch_model_retries":0}"#)));
    let body = body(&plan, 0, 0);
    assert_eq!(
        (body["seed"].as_i64(), body["max_tokens"].as_i64(), body["stream"].as_bool()),
        (Some(7), Some(64), Some(true))
    );
    assert_eq!(body["model"], "pulze");
}

#[test]
fn every_fault_is_shown_at_once_with_its_place() {
    insta::glob!("bad/*.toml", |path| {
        let problems = read(&path.to_string_lossy(), &Flags::default()).expect_err("a bad profile");
        let folder = path.parent().expect("a folder").to_string_lossy().into_owned();
        insta::with_settings!({filters => vec![(regex_escape(&folder).as_str(), "[folder]")]}, {
            insta::assert_snapshot!(problems.draw(false));
        });
    });
}

fn regex_escape(text: &str) -> String {
    text.replace('.', r"\.")
}

#[test]
fn what_is_neither_file_nor_preset_is_told_with_a_guess() {
    let problems = read("quikstart", &Flags::default()).expect_err("no such profile");
    assert!(problems.draw(false).contains("did you mean quickstart?"), "{}", problems.draw(false));
}

#[test]
fn rate_and_slots_decide_which_kind_of_load_it_is() {
    let open = format!("{HEAD}warmup = \"100ms\"\n{CASE}");
    let closed = plan_with(&open, &Flags { concurrency: Some(64), count: Some(640), ..Flags::default() });
    assert_eq!(
        closed.describe(),
        "closed loop, concurrency 64, 640 requests",
        "a count ends no warm-up of the profile"
    );
    let both = plan_with(
        &open,
        &Flags { concurrency: Some(4), count: Some(8), duration: Some("3s".into()), ..Flags::default() },
    );
    assert_eq!(both.describe(), "closed loop, concurrency 4 for 3s, 8 requests, warm-up 100ms");
    let faster = plan_with(&open, &Flags { rate: Some(50.0), ..Flags::default() });
    assert_eq!(faster.describe(), "open loop, 50/s constant for 1s, warm-up 100ms");
    let text = format!("[target]\nurl = \"builtin\"\n[load.closed]\nconcurrency = 2\ncount = 9\n{CASE}");
    let open = plan_with(&text, &Flags { rate: Some(3.0), ..Flags::default() });
    assert_eq!(open.describe(), "open loop, 3/s constant, 9 requests");
    let longer = plan_with(&text, &Flags { duration: Some("1m".into()), ..Flags::default() });
    assert_eq!(longer.describe(), "closed loop, concurrency 2 for 1m");
}

#[test]
fn set_reaches_every_key_and_faults_point_at_the_flag() {
    let set = |key: &str, value: &str| Flags { set: vec![(key.to_owned(), value.to_owned())], ..Flags::default() };
    let text = format!("{HEAD}{CASE}");
    assert_eq!(body(&plan_with(&text, &set("case.0.max_tokens", "16")), 0, 0)["max_tokens"], 16);
    assert_eq!(body(&plan_with(&text, &set("case.0.stop", "[\"a\", \"b\"]")), 0, 0)["stop"], json!(["a", "b"]));
    assert_eq!(body(&plan_with(&text, &set("target.model", "bare-word")), 0, 0)["model"], "bare-word");
    assert_eq!(body(&plan_with(&text, &set("case.0.extra.min_p", "0.1")), 0, 0)["min_p"], 0.1);
    let folder = written(&text);
    let wrong =
        read(&folder.path().join("p.toml").to_string_lossy(), &set("load.open.rate", "-2")).expect_err("a fault");
    let drawn = wrong.draw(false);
    assert!(drawn.contains("command line:1:7") && drawn.contains("--set load.open.rate=-2"), "{drawn}");
}

#[test]
fn every_body_field_of_the_contract_can_be_set() {
    let values = [
        ("max_tokens", "9"),
        ("temperature", "0.5"),
        ("top_p", "0.9"),
        ("n", "2"),
        ("stream", "true"),
        ("stop", "\"x\""),
        ("presence_penalty", "-1"),
        ("frequency_penalty", "1.5"),
        ("logit_bias", "{ \"50256\" = -100 }"),
        ("response_format", "{ type = \"text\" }"),
        ("tool_choice", "\"auto\""),
        (
            "tools",
            "[{ type = \"function\", function = { name = \"f\", parameters = { type = \"object\", properties = {} } } }]",
        ),
    ];
    let pulze = [("best_of", "3"), ("logprobs", "2"), ("plugins", "[\"web-search\"]"), ("model", "\"gpt-4o\"")];
    let openai = [
        ("logprobs", "true"),
        ("top_logprobs", "2"),
        ("max_completion_tokens", "5"),
        ("seed", "1"),
        ("user", "\"u\""),
        ("metadata", "{ a = \"b\" }"),
        ("store", "false"),
        ("service_tier", "\"auto\""),
        ("reasoning_effort", "\"low\""),
        ("verbosity", "\"low\""),
        ("modalities", "[\"text\"]"),
        ("audio", "{ voice = \"ash\", format = \"wav\" }"),
        ("prediction", "{ type = \"content\", content = \"x\" }"),
        ("web_search_options", "{}"),
        ("moderation", "{ model = \"omni-moderation-latest\" }"),
        ("safety_identifier", "\"s\""),
        ("prompt_cache_key", "\"k\""),
        ("prompt_cache_options", "{}"),
        ("prompt_cache_retention", "\"24h\""),
        ("parallel_tool_calls", "false"),
        ("stream_options", "{ include_usage = false }"),
        ("functions", "[{ name = \"f\" }]"),
        ("function_call", "\"none\""),
        ("model", "\"m\""),
    ];
    for (dialect, more) in [("pulze", &pulze[..]), ("openai", &openai[..])] {
        let all: Vec<&(&str, &str)> = values.iter().chain(more).collect();
        let lines = all.iter().map(|(name, value)| format!("{name} = {value}\n")).collect::<Vec<_>>().concat();
        let text = format!("{}{CASE}{lines}", HEAD.replace("[load", &format!("dialect = \"{dialect}\"\n[load")));
        let body = body(&plan_with(&text, &Flags::default()), 0, 0);
        for (name, value) in &all {
            let wanted: toml::Value =
                toml::from_str::<toml::Table>(&format!("v = {value}")).expect("TOML")["v"].clone();
            assert_eq!(body[*name], serde_json::to_value(wanted).expect("JSON"), "{dialect} {name}");
        }
        let fields =
            proofload::profile::contracts::find(dialect).expect("a dialect").request().document()["properties"].clone();
        for name in fields.as_object().expect("an object").keys() {
            assert!(body.get(name).is_some(), "{dialect}: the test leaves out {name}");
        }
    }
}

#[test]
fn an_openai_stream_asks_for_usage_unless_told_otherwise() {
    let text = |more: &str| format!("{HEAD}{CASE}stream = true\n{more}");
    assert_eq!(body(&plan_with(&text(""), &Flags::default()), 0, 0)["stream_options"], json!({"include_usage": true}));
    let off = plan_with(&text("stream_options = { include_usage = false }\n"), &Flags::default());
    assert_eq!(body(&off, 0, 0)["stream_options"], json!({"include_usage": false}));
    let pulze = plan_with(&text("").replace("[load", "dialect = \"pulze\"\n[load"), &Flags::default());
    assert_eq!(body(&pulze, 0, 0).get("stream_options"), None);
}

#[test]
fn unchecked_lets_a_body_through_on_purpose() {
    let text = format!("{HEAD}{CASE}temperature = 9\n");
    let folder = written(&text);
    assert!(read(&folder.path().join("p.toml").to_string_lossy(), &Flags::default()).is_err());
    assert_eq!(body(&plan_with(&format!("{text}unchecked = true\n"), &Flags::default()), 0, 0)["temperature"], 9);
}

#[test]
fn prompts_come_from_files_behind_the_messages_of_the_case() {
    let folder = written(&format!(
        "{HEAD}[[case]]\nmessages = [{{ role = \"system\", content = \"Be brief.\" }}]\nprompt_files = [\"one.txt\", \"many.jsonl\"]\n"
    ));
    fs::write(folder.path().join("one.txt"), "{{unique}} a text\nof two lines\n").expect("written");
    fs::write(
        folder.path().join("many.jsonl"),
        "\"plain\"\n\n{\"prompt\": \"named\"}\n{\"messages\": [{\"role\": \"user\", \"content\": \"whole\"}]}\n",
    )
    .expect("written");
    let plan = read(&folder.path().join("p.toml").to_string_lossy(), &Flags::default()).expect("a profile").plan(7);
    let mut seen: Vec<String> = (0..200)
        .map(|seq| {
            let body = body(&plan, 0, seq);
            assert_eq!(body["messages"][0]["content"], "Be brief.");
            let text = body["messages"][1]["content"].as_str().expect("text").to_owned();
            if text.ends_with("of two lines") { "a text".to_owned() } else { text }
        })
        .collect();
    seen.sort();
    seen.dedup();
    assert_eq!(seen, ["a text", "named", "plain", "whole"]);
}

#[test]
fn weights_decide_the_mix_and_the_seed_decides_the_draw() {
    let text = format!("{HEAD}{CASE}weight = 3\n{CASE}name = \"other\"\n");
    let plan = plan_with(&text, &Flags::default());
    let first = (0..10_000).filter(|seq| plan.case_of(0, *seq) == 0).count();
    // Binomial with p = 3/4: the standard deviation is 43.
    assert!((7_240..7_760).contains(&first), "{first}");
    let again = plan_with(&text, &Flags::default());
    assert!((0..100).all(|seq| plan.case_of(0, seq) == again.case_of(0, seq)));
}

#[test]
fn an_expired_entry_of_a_baseline_no_longer_counts() {
    let folder = written(&format!("baseline = \"known.toml\"\n{HEAD}{CASE}"));
    let known = "[[known]]\ncheck = \"resp-schema\"\nreason = \"old\"\nexpires = \"2026-11-21\"\n\
                 [[known]]\ncheck = \"stream-done-present\"\nreason = \"new\"\nexpires = \"2026-11-22\"\n";
    fs::write(folder.path().join("known.toml"), known).expect("written");
    let draft = read(&folder.path().join("p.toml").to_string_lossy(), &Flags::default()).expect("a profile");
    assert_eq!(draft.notes, ["the baseline's entry for resp-schema expired on 2026-11-21 and no longer counts"]);
    assert_eq!(draft.plan(1).baseline.iter().map(|known| known.check).collect::<Vec<_>>(), ["stream-done-present"]);
}

/// With `PROOFLOAD_WRITE_SCHEMAS` set, the committed files are written instead of compared.
pub(crate) fn committed(name: &str, generated: &Value) {
    let path = Path::new("schemas").join(name);
    let text = serde_json::to_string_pretty(generated).expect("JSON") + "\n";
    if std::env::var_os("PROOFLOAD_WRITE_SCHEMAS").is_some() {
        fs::write(&path, &text).expect("written");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == text, "{} is out of date; run the tests with PROOFLOAD_WRITE_SCHEMAS=1", path.display());
}

#[test]
fn the_committed_profile_schema_is_the_generated_one() {
    committed("profile.json", &schema::generated());
}

#[test]
fn presets_satisfy_the_committed_schema() {
    let validator = proofload::wire::schema::offline(schema::document()).expect("a schema");
    for preset in preset::ALL {
        let value: toml::Table = toml::from_str(preset.text).expect("TOML");
        let value = serde_json::to_value(value).expect("JSON");
        assert_eq!(proofload::wire::schema::violations(&validator, &value), [], "{}", preset.name);
    }
}

#[test]
fn the_profile_commands_work() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("mine.toml");
    let run = |arguments: &[&str]| program().args(arguments).output().expect("runs");
    assert_eq!(run(&["profile", "new", &file.to_string_lossy()]).status.code(), Some(0));
    assert_eq!(run(&["profile", "new", &file.to_string_lossy()]).status.code(), Some(2), "never overwritten");
    assert_eq!(run(&["profile", "check", &file.to_string_lossy()]).status.code(), Some(0));
    assert_eq!(run(&["profile", "new"]).stdout, preset::STARTER.as_bytes());
    let bad = run(&["profile", "check", "tests/it/bad/nothing.toml"]);
    assert_eq!((bad.status.code(), bad.stdout.len()), (Some(2), 0));
    let printed: Value = serde_json::from_slice(&run(&["profile", "schema"]).stdout).expect("JSON");
    assert_eq!(&printed, schema::document());
    let bad = run(&["run", "tests/it/bad/everything-wrong.toml"]);
    assert!(bad.status.code() == Some(2) && String::from_utf8_lossy(&bad.stderr).contains("nothing was sent"));
}

/// Other servers have values that OpenAI does not publish.
#[test]
fn values_of_other_servers_are_a_note_that_names_unchecked() {
    let case =
        |members: &str| format!("{HEAD}[[case]]\n{members}\nmessages = [{{ role = \"user\", content = \"hi\" }}]\n");
    let read_text = |text: &str| {
        let folder = written(text);
        read(&folder.path().join("p.toml").to_string_lossy(), &Flags::default())
    };
    let draft = read_text(&case("reasoning_effort = \"default\"\nservice_tier = \"on_demand\"")).expect("a profile");
    assert_eq!(draft.notes.len(), 2, "{:?}", draft.notes);
    assert!(draft.notes.iter().all(|note| note.contains("unchecked = true")), "{:?}", draft.notes);
    let plan = draft.plan(7);
    assert_eq!(body(&plan, 0, 0)["reasoning_effort"], "default");
    let meant = read_text(&case("unchecked = true\nreasoning_effort = \"default\"")).expect("a profile");
    assert_eq!(meant.notes, [""; 0]);
    let video =
        "messages = [{ role = \"user\", content = [{ type = \"video_url\", video_url = { url = \"https://e.x\" } }] }]";
    assert_eq!(read_text(&format!("{HEAD}[[case]]\n{video}\n")).expect("a profile").notes.len(), 1);
    let strict = case("reasoning_effort = \"default\"").replacen(
        "model = \"m\"",
        "model = \"m\"\ndialect = \"openai-strict\"",
        1,
    );
    assert!(read_text(&strict).is_err());
}
