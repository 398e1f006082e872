//! Where rules come from: in words with an address, in every report, and enough for a MUST.

use crate::dialect::Dialect;
use proofload::check::{self, Check, Depth, Level, Source};
use proofload::report::conformance::{Kind, write};
use proofload::suite::sheet::{About, Sheet};

use crate::harness::{plan, program};
use crate::suite_matrix::conducted;

fn rules() -> impl Iterator<Item = &'static Check> {
    check::ALL.iter().copied().flatten()
}

/// Rules whose reason needs no source: an endpoint that is down serves nobody, and times have an order.
const OURS: [&str; 2] = ["neg-survives", "load-latency-order"];

/// A MUST rests on something that others published, or on a client that breaks.
#[test]
fn every_must_has_a_source_of_others() {
    let is_must = |check: &&Check| Dialect::ALL.iter().any(|dialect| check.level(dialect) == Some(Level::Must));
    let alone = rules().filter(is_must).filter(|check| !check.sources.iter().any(Source::is_of_others));
    let alone: Vec<&str> = alone.map(|check| check.id).collect();
    assert_eq!(alone, OURS);
}

#[test]
fn every_source_has_words_and_all_but_ours_an_address() {
    for source in rules().flat_map(|check| check.sources) {
        let words = source.to_string();
        match source.url() {
            Some(url) => assert!(url.starts_with("https://") && !url.contains(' '), "{words}: {url}"),
            None => assert_eq!(source.kind(), "ours", "{words}"),
        }
        assert_eq!(lettered(&format!("[{words}]")), None);
    }
}

/// The first place where a source is one of the letters by which the catalogue once named them, as in `[S; O]`.
fn lettered(text: &str) -> Option<&str> {
    let is_open = |c: u8| matches!(c, b'[' | b'(' | b';');
    let is_end = |c: u8| matches!(c, b']' | b')' | b';');
    let bytes = text.as_bytes();
    let place = bytes.iter().enumerate().position(|(at, letter)| {
        let before = bytes[..at].trim_ascii_end().last();
        let after = bytes.get(at + 1);
        b"SKRYHO".contains(letter) && before.is_some_and(|c| is_open(*c)) && after.is_some_and(|c| is_end(*c))
    })?;
    text.get(place.saturating_sub(20)..(place + 20).min(text.len()))
}

#[test]
fn letters_are_found() {
    for text in ["rule: x [S; O]", "rule: x [RFC 9110; O]", "(K)"] {
        assert!(lettered(text).is_some(), "{text}");
    }
    assert_eq!(lettered("[SO] (Sure) a; O b [RFC 9110, section 9]"), None);
}

#[test]
fn no_report_names_a_source_by_a_letter() {
    let run = conducted(Dialect::OpenAi, &["n-ignored"], Depth::Core);
    let text = "[target]\nurl = \"http://127.0.0.1:1/v1\"\nmodel = \"m\"\n[load.closed]\nslots = 1\ncount = 1\n\
                [[case]]\nmessages = [{ role = \"user\", content = \"hi\" }]\n";
    let target = &plan(text).target;
    let about = About { target, name: None, seed: 1, verdict: "fail", reasons: &[], strict: false, bodies: false };
    let sheets = [Sheet::of(&run, &about)];
    for kind in Kind::ALL {
        let report = write(&sheets, kind, true);
        assert_eq!(lettered(&report), None, "{}", kind.name());
    }
    let html = write(&sheets, Kind::Html, true);
    assert!(html.contains("href=\"https://www.rfc-editor.org/rfc/rfc8259#section-6\""), "no link to a section");
    let json: serde_json::Value = serde_json::from_str(&write(&sheets, Kind::Json, true)).expect("JSON");
    let sources = json["checks"]["resp-json-parses"]["sources"].as_array().expect("sources");
    assert_eq!((sources[0]["kind"].as_str(), sources[0]["text"].as_str()), (Some("rfc"), Some("RFC 8259")));
    for arguments in [&["check", "--list"][..], &["check", "--list", "--format", "json"]] {
        let output = program().args(arguments).output().expect("runs");
        assert_eq!(lettered(&String::from_utf8_lossy(&output.stdout)), None, "{arguments:?}");
    }
}
