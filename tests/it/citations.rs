//! `schemas/README.md` is the contract that code, schemas and tests cite: every anchor that is cited is there, nothing
//! is cited in another way, and what the page says of formats, members and rules is so.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::dialect::Dialect;
use proofload::check;
use serde_json::Value;

const PAGE: &str = "schemas/README.md";

fn page() -> String {
    fs::read_to_string(PAGE).expect("the page")
}

/// Text of others, which cites what it likes.
const OF_OTHERS: [&str; 4] =
    ["tests/it/captures", "tests/interop/real-servers", "tests/fuzz/corpus", "tests/it/contract/openai-published.json"];

/// Every text file below a folder that is ours.
fn texts(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if OF_OTHERS.iter().any(|other| path.starts_with(other)) {
            continue;
        }
        if path.is_dir() {
            texts(&path, found);
        } else if let Ok(text) = fs::read_to_string(&path) {
            found.push((path, text));
        }
    }
}

/// Where something may be cited, but for this file, which has to name what it looks for.
fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for folder in ["src", "tests", "schemas", "profiles", ".github"] {
        texts(Path::new(folder), &mut found);
    }
    found.push(("README.md".into(), fs::read_to_string("README.md").expect("the manual")));
    found.retain(|(path, _)| !path.ends_with("citations.rs"));
    assert!(found.len() > 300, "only {} files", found.len());
    found
}

/// The anchors of a page: those that it sets, and those of its headings.
fn anchors(page: &str) -> BTreeSet<String> {
    let set = page.split("<a id=\"").skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned);
    let of_heading = |line: &str| {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect::<String>()
    };
    set.chain(page.lines().filter(|line| line.starts_with('#')).map(of_heading)).collect()
}

/// The anchor at the start of a text.
fn anchor(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')).unwrap_or(text.len());
    text[..end].trim_end_matches('-')
}

#[test]
fn every_anchor_that_is_cited_is_on_the_page() {
    let anchors = anchors(&page());
    let mut cited = 0;
    for (path, text) in sources() {
        for rest in text.split("schemas/README.md#").skip(1) {
            let anchor = anchor(rest);
            assert!(anchors.contains(anchor), "{}: #{anchor} is not in {PAGE}", path.display());
            cited += 1;
        }
    }
    assert!(cited > 80, "only {cited} citations");
}

#[test]
fn every_link_of_the_page_leads_somewhere() {
    let page = page();
    let anchors = anchors(&page);
    for link in page.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        match link.strip_prefix('#') {
            Some(anchor) => assert!(anchors.contains(anchor), "#{anchor}"),
            None => assert!(link.starts_with("https://") || Path::new("schemas").join(link).exists(), "{link}"),
        }
    }
    let files: Vec<&str> = quoted(&page).filter(|text| text.starts_with("tests/")).collect();
    assert!(files.len() > 5, "{files:?}");
    for file in files {
        assert!(Path::new(file).exists(), "{file}");
    }
}

/// What stands between backticks, one at a time.
fn quoted(page: &str) -> impl Iterator<Item = &str> {
    page.lines().filter(|line| !line.starts_with("```")).flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// Whether a text has a word that a number follows, as in `ruling 4`.
fn is_numbered(text: &str, word: &str) -> bool {
    let follows = |at: usize| text[at + word.len()..].trim_start().starts_with(|c: char| c.is_ascii_digit());
    text.match_indices(word).any(|(at, _)| follows(at))
}

/// Whether a line cites a document that is not here.
fn cites_elsewhere(line: &str) -> bool {
    let lower = line.to_lowercase();
    let numbered = ["ruling ", "rulings ", "difference ", "vector r", "vector c", "(spec ", "spec, section", "spec "];
    let named = ["(spec,", "specification,", "the specification's", "conformance catalogue", "conformance section"];
    numbered.iter().any(|word| is_numbered(&lower, word)) || named.iter().any(|words| lower.contains(words))
}

/// Whether a source is one letter, as in `S; K required`.
fn is_lettered(line: &str) -> bool {
    let is_end = |c: char| !(c.is_alphanumeric() || matches!(c, '-' | '\'' | '"' | '.'));
    let is_letter = |word: &str| matches!(word, "S" | "K" | "R" | "Y" | "H" | "O" | "S-derived");
    line.contains("\"$comment\"") && line.split(is_end).any(is_letter)
}

#[test]
fn nothing_cites_a_document_that_is_not_here() {
    assert!(
        cites_elsewhere("(spec, section 4)")
            && cites_elsewhere("as ruling 9 has it; vector R12")
            && cites_elsewhere("spec 2.2")
    );
    assert!(!cites_elsewhere("(schemas/README.md#ruling-9)") && !cites_elsewhere("RFC 9110, section 15.2"));
    assert!(is_lettered("\"$comment\": \"source: S; K required\"") && !is_lettered("\"$comment\": \"source: SDKs\""));
    let mut found = Vec::new();
    for (path, text) in sources().into_iter().filter(|(path, _)| !path.ends_with(PAGE)) {
        let lines = text.lines().enumerate().filter(|(_, line)| cites_elsewhere(line) || is_lettered(line));
        found.extend(lines.map(|(number, line)| format!("{}:{}: {}", path.display(), number + 1, line.trim())));
    }
    assert!(found.is_empty(), "cite {PAGE} by an anchor:\n{}", found.join("\n"));
}

/// The version in a file of the source, where it is no public constant.
fn version_in(file: &str) -> u32 {
    let text = fs::read_to_string(file).expect(file);
    let rest = text.split("const FORMAT: u32 = ").nth(1).expect("a format");
    rest.split(';').next().and_then(|number| number.parse().ok()).expect("a number")
}

#[test]
fn the_formats_of_the_page_are_those_of_the_program() {
    let page = page();
    let rows = page.lines().map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
    let stated: BTreeMap<String, u32> =
        rows.filter_map(|row| Some((format!("{} {}", row.get(1)?, row.get(3)?), row.get(4)?.parse().ok()?))).collect();
    let digest = serde_json::from_str::<Value>(&fs::read_to_string("schemas/digest.json").expect("a schema"));
    assert!(digest.expect("JSON")["properties"]["format"].is_object());
    let ours = [
        ("`summary.json` `format`", proofload::summary::FORMAT),
        ("the report `json` of a run `format`", proofload::summary::FORMAT),
        ("`conformance.json` `conformance`", proofload::suite::sheet::FORMAT),
        ("`capacity.json` `capacity`", proofload::capacity::record::FORMAT),
        ("`capture.json` `capture`", proofload::suite::capture::FORMAT),
        ("`series.json` `series`", version_in("src/cli/series.rs")),
    ];
    assert_eq!(stated, ours.map(|(file, format)| (file.to_owned(), format)).into_iter().collect());
}

/// Names of the members of an object in a schema.
fn members<'s>(schema: &'s Value, path: &str) -> impl Iterator<Item = &'s str> {
    let object = schema.pointer(path).unwrap_or(&Value::Null);
    object["properties"].as_object().into_iter().flatten().map(|(name, _)| name.as_str())
}

#[test]
fn the_page_names_the_members_of_every_schema() {
    let page = page();
    let named: BTreeSet<&str> = quoted(&page).filter_map(|text| text.rsplit('.').next()).collect();
    let choices = "/properties/choices/items";
    for dialect in Dialect::ALL {
        let schemas = [
            ("request", dialect.request().document(), vec![String::new()]),
            (
                "response",
                dialect.response().document(),
                vec![
                    String::new(),
                    "/properties/usage".to_owned(),
                    choices.to_owned(),
                    format!("{choices}/properties/message"),
                ],
            ),
            (
                "chunk",
                dialect.chunk().document(),
                vec![
                    String::new(),
                    "/properties/metadata".to_owned(),
                    choices.to_owned(),
                    format!("{choices}/properties/delta"),
                ],
            ),
            ("error", dialect.error().document(), vec![String::new(), "/properties/error".to_owned()]),
        ];
        for (name, schema, paths) in schemas {
            for member in paths.iter().flat_map(|path| members(schema, path)) {
                assert!(named.contains(member), "{dialect}/{name}: {member} is not in {PAGE}");
            }
        }
    }
}

#[test]
fn every_rule_that_the_page_names_is_one() {
    let page = page();
    let prefixes = check::AREAS.map(|(prefix, _)| format!("{prefix}-"));
    let ids: Vec<&str> = quoted(&page).filter(|text| prefixes.iter().any(|prefix| text.starts_with(prefix))).collect();
    assert!(ids.len() > 5, "{ids:?}");
    for id in ids {
        assert!(check::find(id).is_some(), "{id} is no rule");
    }
}
