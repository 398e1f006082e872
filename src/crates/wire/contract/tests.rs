use std::borrow::Cow;
use std::path::Path;

use super::*;
use crate::json;

/// A file of the repository's, or one of these, each below a folder of its own name.
fn read(more: &'static [(&'static str, &'static str)]) -> impl Fn(&str) -> Option<Cow<'static, str>> {
    let mut above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|folder| folder.join("schemas"));
    let schemas = above.find(|folder| folder.join("openai").is_dir()).expect("the schemas of the repository");
    move |path| {
        let own = more.iter().find(|(name, _)| *name == path).map(|(_, text)| Cow::Borrowed(*text));
        own.or_else(|| std::fs::read_to_string(schemas.join(path)).ok().map(Cow::Owned))
    }
}

fn child(more: &'static [(&'static str, &'static str)]) -> Arc<Contract> {
    Contract::read_all(&["openai", "ours"], read(more)).expect("contracts").remove(1)
}

fn refuses(contract: &Contract, error: &str) -> bool {
    !contract.error().is_valid(&json::read(error.as_bytes()).expect("JSON").value)
}

#[test]
fn an_overlay_must_hold_as_well_and_a_whole_schema_alone() {
    const SCHEMA: (&str, &str) = ("ours/error.json", r#"{"required": ["region"]}"#);
    let right = r#"{"error": {"message": "m", "type": "t", "param": null, "code": null}}"#;
    let ours = r#"{"region": "x"}"#;
    let overlay = child(&[("ours/contract.toml", "parent = \"openai\""), SCHEMA]);
    let whole = child(&[("ours/contract.toml", "parent = \"openai\"\nschemas = \"whole\""), SCHEMA]);
    assert!(!refuses(overlay.parents().next().expect("a parent"), right));
    assert_eq!([right, ours].map(|error| refuses(&overlay, error)), [true, true]);
    assert_eq!([right, ours].map(|error| refuses(&whole, error)), [true, false]);
}

#[test]
fn members_that_an_overlay_names_are_named() {
    const SCHEMA: (&str, &str) = ("ours/error.json", r#"{"properties": {"region": {"properties": {"zone": {}}}}}"#);
    let contract = child(&[("ours/contract.toml", "parent = \"openai\""), SCHEMA]);
    let error = json::read(br#"{"region": {"zone": 1, "rack": 2}, "other": 3}"#).expect("JSON");
    let mut found = Vec::new();
    contract.error().unnamed_members(&error.value, &mut found);
    assert_eq!(found, ["/region/rack", "/other"]);
}

#[test]
fn a_contract_without_what_it_needs_is_an_error() {
    let error = |more| Contract::read_all(&["openai", "ours"], read(more)).expect_err("faulty").message;
    assert_eq!(error(&[]), "ours has no contract.toml");
    assert_eq!(error(&[("ours/contract.toml", "")]), "ours has no parent");
    assert_eq!(error(&[("ours/contract.toml", "parent = \"theirs\"")]), "ours: no dialect is called \"theirs\"");
    let root = Contract::read_all(&["openai"], |_| Some("".into())).expect_err("faulty").message;
    assert_eq!(root, "openai has no fact \"model_required\"");
}

#[test]
fn levels_are_inherited_and_changed_by_id() {
    let text = "parent = \"openai-strict\"\n[levels]\n\"err-keys-complete\" = \"off\"\n";
    let more: &'static [_] = Box::leak(Box::new([("ours/contract.toml", text)]));
    let all = Contract::read_all(&["openai", "openai-strict", "ours"], read(more)).expect("contracts");
    let level = |contract: &Contract, id: &str| contract.levels().get(id).copied();
    let ids = ["err-keys-complete", "resp-refusal-key", "stream-done-present"];
    assert_eq!(ids.map(|id| level(&all[1], id)), [Some(Some(Level::Must)), Some(Some(Level::Must)), None]);
    assert_eq!(ids.map(|id| level(&all[2], id)), [Some(None), Some(Some(Level::Must)), None]);
    assert_eq!(all[2].root(), Root::OpenAi);
}
