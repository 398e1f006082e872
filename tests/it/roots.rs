//! One fault is told once: what follows from another rule says which, and hides nothing that is a fault of its own.

use std::sync::Arc;

use proofload::check::Depth;
use proofload::reference::quirk;
use proofload::suite::Row;
use proofload::suite::sheet::{About, Sheet};
use proofload::suite::status::Status;
use proofload::summary::digest::Digest;

use crate::dialect::Dialect;
use crate::harness::{Endpoint, carry_out, plan, settings};
use crate::suite_matrix::conducted;

fn failed(rows: &[Row]) -> Vec<&str> {
    rows.iter().filter(|row| row.status == Status::Fail).map(|row| row.check.id).collect()
}

fn following(rows: &[Row]) -> usize {
    rows.iter().filter(|row| matches!(row.status, Status::Follows(_))).count()
}

#[test]
fn a_fault_that_breaks_many_rules_is_told_once() {
    for (quirk, root, least) in [
        ("n-ignored", "req-n-count", 6),
        ("stream-ignored", "req-stream-flag-honoured", 3),
        ("error-as-stream", "stream-prestart-error-status", 3),
        ("bad-input-500", "err-no-5xx-on-client-error", 40),
        ("logprobs-500", "logprobs-present", 1),
        ("tool-stream-dropped", "tool-stream-not-dropped", 4),
    ] {
        let rows = conducted(Dialect::OpenAi, &[quirk], Depth::Full).rows;
        assert_eq!(failed(&rows), [root], "{quirk}");
        assert!(following(&rows) >= least, "{quirk}: {} rules follow", following(&rows));
    }
}

#[test]
fn what_follows_shows_the_request_that_shows_its_root() {
    let run = conducted(Dialect::OpenAi, &["n-ignored"], Depth::Full);
    let text = "[target]\nurl = \"http://127.0.0.1:1/v1\"\nmodel = \"m\"\n[load.closed]\nconcurrency = 1\ncount = 1\n\
                [[case]]\nmessages = [{ role = \"user\", content = \"hi\" }]\n";
    let target = &plan(text).target;
    let about = About { target, name: None, seed: 1, verdict: "fail", reasons: &[], strict: false, bodies: true };
    let sheet = Sheet::of(&run, &about);
    let [root, follows] = ["req-n-count", "stream-finish-once"].map(|id| &sheet.checks[id]);
    assert_eq!(
        (follows.status.as_str(), follows.see.as_deref(), follows.fails),
        ("BLOCKED", Some("req-n-count"), false)
    );
    assert!(follows.reason.starts_with("see req-n-count: "), "{}", follows.reason);
    assert!(root.evidence.is_some() && follows.evidence == root.evidence);
}

/// The second fault breaks the rule on replies that do not show the first one.
#[test]
fn a_second_fault_is_not_hidden_behind_the_first() {
    let rows = conducted(Dialect::OpenAi, &["n-ignored", "finish-twice"], Depth::Core).rows;
    assert_eq!(failed(&rows), ["req-n-count", "stream-finish-once"]);
    let rows = conducted(Dialect::OpenAi, &["finish-eos-token", "object-wrong"], Depth::Core).rows;
    let failed = failed(&rows);
    for rule in ["resp-finish-reason-known", "resp-object-value"] {
        assert!(failed.contains(&rule), "{rule}: {failed:?}");
    }
}

#[test]
fn a_load_run_counts_roots_and_says_what_follows() {
    let quirk = quirk::find("n-ignored").expect("a quirk");
    let endpoint = Endpoint::start(settings(Dialect::OpenAi, 5, 1, vec![quirk]));
    let text = format!(
        "[target]\nurl = \"{}\"\ndialect = \"openai\"\nmodel = \"gpt-4o-mini\"\n\
         headers = {{ authorization = \"Bearer test-key\" }}\n[load.closed]\nconcurrency = 4\ncount = 12\n\
         [[case]]\nn = 2\nstream = true\nmessages = [{{ role = \"user\", content = \"{{{{unique}}}} hi\" }}]\n",
        endpoint.url()
    );
    let digest = Digest::of(&carry_out(&Arc::new(plan(&text))));
    let musts: Vec<&String> = digest.reasons.iter().filter(|reason| reason.starts_with("MUST ")).collect();
    assert_eq!(musts.len(), 1, "{:?}", digest.reasons);
    assert!(musts[0].starts_with("MUST stream-index-valid broken 12 times"), "{musts:?}");
    let finish = &digest.checks["stream-finish-once"];
    assert_eq!((finish.fail, finish.follows.get("stream-index-valid")), (0, Some(&12)));
    assert_eq!(finish.seen_with(), "see stream-index-valid (12 times)");
}
