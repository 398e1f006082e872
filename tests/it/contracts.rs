//! Contracts as values: built-in ones and folders of users' are the same to every part of the program.

use std::fs;
use std::path::Path;

use proofload::check::{self, Depth};
use proofload::profile::{contracts, dialect};
use proofload::reference::Settings;
use proofload::suite::status::Status;
use proofload::suite::{Options, conduct};
use proofload::wire::Contract;
use proofload::wire::json;

use crate::conformance::{folder, say};
use crate::dialect::Dialect;
use crate::harness::{Endpoint, Served, plan_of, settings, shared, suite};

/// One takes twenty seconds; the others are on time, which a busy machine does not keep.
const LEFT_OUT: [&str; 3] = ["neg-slow-body", "stream-ttft-before-end", "stream-incremental"];

const OURS: &str = "parent = \"openai\"\nabout = \"our gateway\"\n[facts]\nmax_temperature = 1.5\nunknown_members = \"refused\"\n\
                    [levels]\n\"resp-refusal-key\" = \"must\"\n\"req-model-omitted-rejected\" = \"off\"\n";

/// A folder with a dialect in `ours`.
fn ours() -> tempfile::TempDir {
    let place = folder();
    write(place.path(), OURS, "{\"required\": [\"system_fingerprint\"]}");
    place
}

fn write(place: &Path, contract: &str, response: &str) {
    fs::create_dir_all(place.join("ours")).expect("a folder");
    fs::write(place.join("ours/contract.toml"), contract).expect("written");
    fs::write(place.join("ours/response.json"), response).expect("written");
    let request = "{\"properties\": {\"temperature\": {\"maximum\": 1.5}}}";
    fs::write(place.join("ours/request.json"), request).expect("written");
}

fn profile(url: &str, more: &str) -> String {
    format!(
        "[target]\nurl = \"{url}\"\nmodel = \"gpt-4o\"\nkey_env = \"PROOFLOAD_TEST_KEY\"\n{more}\n\
         [load.closed]\nslots = 1\ncount = 3\n[[case]]\nmessages = [{{ role = \"user\", content = \"hi\" }}]\n"
    )
}

/// The rules that the reference endpoint breaks in a dialect that is written so.
fn broken(written: &str) -> Vec<&'static str> {
    let contract = dialect::written(written).unwrap_or_else(|problems| panic!("{}", problems.draw(false)));
    let own = Settings { key: Some("k".to_owned()), ..settings(Dialect::OpenAi, 10, 0, Vec::new()) };
    let endpoint = Endpoint::start(Settings { contract: contract.clone(), ..own });
    let place = folder();
    let text =
        profile(&endpoint.url(), &format!("dialect = {written:?}\nheaders = {{ authorization = \"Bearer k\" }}"));
    let file = place.path().join("p.toml");
    fs::write(&file, text.replace("key_env = \"PROOFLOAD_TEST_KEY\"\n", "")).expect("written");
    let options = Options {
        only: Some(check::catalogue(&contract).map(|check| check.id).filter(|id| !LEFT_OUT.contains(id)).collect()),
        seed: 7,
        ..suite(Depth::Full)
    };
    let _machine = shared();
    let target = plan_of(&file).target;
    assert_eq!(*target.contract, *contract);
    let run = conduct(&target, &options, &proofload::run::Halt::default(), |_, _| {}).expect("a client");
    let is_broken = |status: &Status| matches!(status, Status::Fail | Status::Warn | Status::Flaky | Status::Error);
    run.rows.iter().filter(|row| is_broken(&row.status)).map(|row| row.check.id).collect()
}

#[test]
fn the_reference_endpoint_keeps_the_contract_of_every_dialect() {
    let place = ours();
    let folder = place.path().join("ours").to_string_lossy().into_owned();
    let is_by_hand = |name: &&str| Dialect::ALL.iter().all(|known| known.name() != *name);
    let others = contracts::names().iter().copied().filter(is_by_hand);
    for written in others.chain([folder.as_str()]) {
        assert_eq!(broken(written), [""; 0], "{written}");
    }
}

#[test]
fn every_level_of_a_built_in_contract_is_that_of_a_rule() {
    for contract in contracts::all() {
        for id in contract.levels().keys() {
            assert!(check::find(id).is_some(), "{contract}: {id}");
        }
        assert!(!contract.about().is_empty(), "{contract}");
    }
}

#[test]
fn what_a_contract_leaves_out_is_its_parents() {
    let place = ours();
    let folder = place.path().join("ours");
    let ours = dialect::written(&folder.to_string_lossy()).expect("a dialect");
    let parent = contracts::find("openai").expect("a dialect");
    assert_eq!((ours.name(), ours.about()), ("ours", "our gateway"));
    assert_eq!(ours.parents().map(Contract::name).collect::<Vec<_>>(), ["openai"]);
    assert_eq!((ours.facts.max_temperature, ours.facts.created_unit), (1.5, parent.facts.created_unit));
    let level =
        |contract: &Contract, id: &str| check::find(id).expect("a rule").level(contract).map(check::Level::name);
    let levels = ["resp-refusal-key", "req-model-omitted-rejected", "stream-done-present"];
    assert_eq!(levels.map(|id| level(&parent, id)), [Some("may"), Some("should"), Some("must")]);
    assert_eq!(levels.map(|id| level(&ours, id)), [Some("must"), None, Some("must")]);
}

#[test]
fn two_plans_of_one_process_have_different_overlays() {
    let place = folder();
    let plan = |name: &str, required: &str| {
        let own = place.path().join(name);
        fs::create_dir_all(own.join("ours")).expect("a folder");
        fs::write(own.join("ours/response.json"), format!("{{\"required\": [{required:?}]}}")).expect("written");
        let text = profile("http://127.0.0.1:9/v1", "schemas = \"ours\"");
        fs::write(own.join("p.toml"), text.replace("key_env = \"PROOFLOAD_TEST_KEY\"\n", "")).expect("written");
        plan_of(&own.join("p.toml"))
    };
    let (region, zone) = (plan("a", "region"), plan("b", "zone"));
    let lacks = |contract: &Contract, member: &str| {
        let reply = json::read(b"{}").expect("JSON");
        let violations = contract.response().violations(&reply.value);
        violations.iter().any(|violation| violation.message.contains(member))
    };
    let all = ["region", "zone", "choices"];
    assert_eq!(all.map(|member| lacks(&region.target.contract, member)), [true, false, true]);
    assert_eq!(all.map(|member| lacks(&zone.target.contract, member)), [false, true, true]);
    assert_eq!(all.map(|member| lacks(&Dialect::OpenAi, member)), [false, false, true]);
}

#[test]
fn faults_of_a_folder_are_shown_in_its_own_files() {
    let place = folder();
    fs::write(place.path().join("p.toml"), profile("http://127.0.0.1:9/v1", "dialect = \"./ours\"")).expect("written");
    let said = say(place.path(), &["run", "p.toml", "--dry-run"]);
    assert_eq!((said.code, said.err.contains("no contract.toml in \"./ours\"")), (2, true), "{}", said.err);
    for (contract, response, expected) in [
        ("parent = \"opnai\"\n", "{}", &["contract.toml:1:11", "did you mean openai?"][..]),
        ("[facts]\n", "{}", &["a dialect of your own has a parent"]),
        ("parent = \"openai\"\n[facts]\nunit = 3\n", "{}", &["contract.toml:3:1", "unknown field `unit`"]),
        ("parent = \"openai\"\n[facts]\nids = \"serial\"\n", "{}", &["contract.toml:3:7", "`uuid` or `chatcmpl`"]),
        ("parent = \"openai\"\n[levels]\n\"resp-schem\" = \"may\"\n", "{}", &["did you mean resp-schema?", ":3:2"]),
        ("parent = \"openai\"\nname = \"pulze\"\n", "{}", &["pulze is the name of a built-in dialect"]),
        ("parent = \"openai\"\n", "{\"type\": 7}", &["response.json", "no JSON Schema"]),
        ("parent = \"openai\"\n", "{\n  \"type\" 7}", &["response.json:2:", "no JSON"]),
        ("parent = \"openai\"\n", "{\"$ref\": \"https://example.com/s.json\"}", &["response.json", "no JSON Schema"]),
    ] {
        write(place.path(), contract, response);
        for arguments in
            [&["run", "p.toml", "--dry-run"][..], &["serve", "--dialect", "./ours", "--listen", "127.0.0.1:0"]]
        {
            let said = say(place.path(), arguments);
            assert_eq!(said.code, 2, "{contract}{response}\n{}", said.err);
            assert!(expected.iter().all(|part| said.err.contains(part)), "{expected:?}\n{}", said.err);
        }
    }
    let said =
        say(place.path(), &["run", "smoke", "--dialect", "opnai", "--url", "http://127.0.0.1:9/v1", "--dry-run"]);
    assert_eq!((said.code, said.err.contains("did you mean openai?")), (2, true), "{}", said.err);
}

#[test]
fn a_report_is_the_same_when_the_folder_of_its_dialect_is_gone() {
    let place = ours();
    let served = Served::start(&["--dialect", &place.path().join("ours").to_string_lossy(), "--quirk", "no-done"]);
    let text = profile(&served.url, "dialect = \"./ours\"").replace("messages", "stream = true\nmessages");
    fs::write(place.path().join("p.toml"), text).expect("written");
    let first = say(place.path(), &["run", "p.toml", "--seed", "7", "--out", "out", "--format", "json", "--quiet"]);
    assert!(first.code == 1 && first.out.contains("\"dialect\": \"ours\""), "{}\n{}", first.out, first.err);
    let capture = ["check", "p.toml", "--only", "stream-done-present", "--no-out", "--capture", "kept"];
    assert_eq!(say(place.path(), &capture).code, 1);
    let named = say(place.path(), &["replay", "kept", "--dialect", "./ours", "--no-out"]);
    assert_eq!(named.code, 1, "{}\n{}", named.out, named.err);
    fs::remove_dir_all(place.path().join("ours")).expect("removed");
    let again = say(place.path(), &["report", "out", "--format", "json"]);
    assert_eq!(again.out, first.out, "{}", again.err);
    let lost = say(place.path(), &["replay", "kept", "--no-out"]);
    assert_eq!((lost.code, lost.err.contains("--dialect ./FOLDER")), (2, true), "{}", lost.err);
}
