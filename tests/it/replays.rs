//! What was captured, judged again on other terms: of a profile, of a baseline, by more rules than were asked for.

use std::fs;

use crate::conformance::{DONE, few, folder, openai, say};

#[test]
fn a_replay_lists_what_was_not_captured_and_heeds_a_profile_and_a_baseline() {
    let (place, wrong) = (folder(), openai(&["--quirk", "no-done"]));
    assert_eq!(few(place.path(), &wrong.url, &["--capture", "kept", "--no-out"]).code, 1);
    let replay = |more: &[&str]| {
        let arguments = ["replay", "kept", "--format", "json", "--no-out", "--quiet"];
        say(place.path(), &[&arguments[..], more].concat())
    };
    let said = replay(&[]);
    let rows = said.json()["checks"].as_object().expect("checks").clone();
    assert!(rows.len() > 150 && said.status(DONE) == "FAIL", "{} rows: {}", rows.len(), said.out);
    assert_eq!(rows["req-n-count"]["status"], "SKIP");
    assert!(rows["req-n-count"]["reason"].as_str().is_some_and(|reason| reason.starts_with("not captured")));
    assert_eq!(rows["err-no-5xx-on-client-error"]["status"], "SKIP");

    let profile = format!(
        "[target]\nurl = \"builtin\"\nkey_env = \"NOT_SET_HERE\"\n[levels.{DONE}]\nlevel = \"may\"\nreason = \"ours\"\n\
         [load.closed]\nconcurrency = 1\ncount = 1\n[[case]]\nmessages = [{{ role = \"user\", content = \"hi\" }}]\n"
    );
    fs::write(place.path().join("ours.toml"), profile).expect("written");
    let said = replay(&["--profile", "ours.toml"]);
    assert_eq!(said.status(DONE), "INFO", "{}\n{}", said.out, said.err);
    fs::write(
        place.path().join("known.toml"),
        format!("[[known]]\ncheck = \"{DONE}\"\nreason = \"T-1\"\ntarget = \"here\"\n"),
    )
    .expect("written");
    let said = replay(&["--baseline", "known.toml", "--target-name", "here"]);
    assert_eq!(said.status(DONE), "XFAIL", "{}", said.out);
    assert_eq!(replay(&["--baseline", "known.toml"]).status(DONE), "FAIL");
    assert_eq!(replay(&["--baseline", "none.toml"]).code, 2);
}
