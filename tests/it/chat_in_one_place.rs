//! What is chat completions lives in one place, `wire::api`: who else may name the members of its JSON.
//!
//! The rules judge the very form that `wire::api` reads leniently, probes are requests, and the reference endpoint writes
//! what a server writes. Everything else works with what `wire::api` says of a request, a reply or an event.

use std::fs;
use std::path::{Path, PathBuf};

/// What tells a request, a reply and a stream of chat completions from those of any other API.
const WORDS: [&str; 5] = ["choices", "delta", "finish_reason", "[DONE]", "messages"];

/// The module that hands out JSON of replies, for those who judge its form.
const AS_JSON: &str = "api::reply";

/// Parts of the source tree that may name them, by a folder or file on the way; `exchange` is none, wherever it is.
const MAY: [(&str, &str); 4] = [
    ("json", "values of any JSON: its tests take a reply for an example"),
    ("wire", "it has the API, the schemas and the errors"),
    ("check", "rules judge the form, and probes are requests, wrong ones among them"),
    ("reference", "it writes the form, and breaks it on purpose"),
];
const MAY_NOT: &str = "exchange";

/// Files with one of the words for a reason of their own.
const EXCEPTIONS: [(&str, &str, &str); 6] = [
    ("plan/case.rs", "messages", "a mark of ours in a template, which no JSON has"),
    ("profile/flags.rs", "messages", "a key of a profile's case"),
    ("profile/kin.rs", "messages", "a place in a profile's case"),
    ("profile/load.rs", "messages", "advice: a key of a profile's case"),
    ("profile/prompts.rs", "messages", "the format of a user's file of prompts"),
    ("profile/resolve.rs", "messages", "advice: a key of a profile's case"),
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<PathBuf> =
        entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "rs"));
    files
}

/// Whether a file may name the words; tests of other files are none of this test's business.
fn may(file: &Path) -> bool {
    let on_way = |name: &str| file.iter().any(|part| part == name);
    let is_test = on_way("tests.rs") || on_way("tests");
    is_test || (!on_way(MAY_NOT) && MAY.iter().any(|(name, _)| on_way(name)))
}

/// The text literals of Rust code, with the line on which each begins.
fn literals(code: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let (mut at, mut line) = (0, 1);
    while let Some(c) = code[at..].chars().next() {
        let rest = &code[at..];
        let raw = rest.strip_prefix('r').map(|raw| (raw, raw.len() - raw.trim_start_matches('#').len()));
        let (start, len) = if rest.starts_with("//") {
            (None, rest.find('\n').unwrap_or(rest.len()))
        } else if let Some((_, hashes)) = raw.filter(|(raw, hashes)| raw[*hashes..].starts_with('"')) {
            let open = hashes + 2;
            let end = rest[open..].find(&format!("\"{}", "#".repeat(hashes))).expect("an end");
            (Some((open, end)), open + end + 1 + hashes)
        } else if c == '"' {
            let mut escaped = false;
            let ends = |c: char| {
                let was_escaped = escaped;
                escaped = c == '\\' && !was_escaped;
                c == '"' && !was_escaped
            };
            let end = rest[1..].find(ends).expect("an end");
            (Some((1, end)), end + 2)
        } else if rest.starts_with("'\"'") || rest.starts_with("'\\\"'") {
            (None, rest[1..].find('\'').map_or(1, |end| end + 2))
        } else {
            (None, c.len_utf8())
        };
        found.extend(start.map(|(open, len)| (line, &rest[open..open + len])));
        line += rest[..len].matches('\n').count();
        at += len;
    }
    found
}

/// Whether a text has a word that is no part of a longer one.
fn names(text: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word)
        .any(|(at, _)| !text[..at].ends_with(is_part) && !text[at + word.len()..].starts_with(is_part))
}

/// File, line and word of every place outside of the parts that may.
fn places() -> Vec<(String, usize, &'static str)> {
    let mut places = Vec::new();
    for file in sources(Path::new("src")).into_iter().filter(|file| !may(file)) {
        let text = fs::read_to_string(&file).expect("readable");
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let name = file.to_string_lossy().replace('\\', "/");
        for (line, literal) in literals(code) {
            places.extend(WORDS.iter().filter(|word| names(literal, word)).map(|word| (name.clone(), line, *word)));
        }
        let lines = code.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
        places.extend(lines.filter(|(_, line)| line.contains(AS_JSON)).map(|(n, _)| (name.clone(), n + 1, AS_JSON)));
    }
    places
}

#[test]
fn no_one_else_names_the_members_of_chat_completions() {
    let excepted = |file: &str, word: &str| EXCEPTIONS.iter().any(|(own, w, _)| file.ends_with(own) && *w == word);
    let places = places();
    let faults: Vec<String> = (places.iter().filter(|(file, _, word)| !excepted(file, word)))
        .map(|(file, line, word)| format!("{file}:{line}: {word:?} is for wire::api to know"))
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    for (own, word, reason) in EXCEPTIONS {
        let is_needed = places.iter().any(|(file, _, found)| file.ends_with(own) && *found == word);
        assert!(is_needed, "{own} does not name {word:?} any more ({reason}): take the exception out");
    }
}

#[test]
fn the_parts_that_may_are_there_and_the_rest_is_searched() {
    let files = sources(Path::new("src"));
    for (name, reason) in MAY {
        assert!(files.iter().any(|file| file.iter().any(|part| part == name)), "there is no {name} ({reason})");
    }
    let searched = |end: &str| files.iter().any(|file| file.ends_with(end) && !may(file));
    for end in
        ["exchange/reading.rs", "summary/excerpt.rs", "plan/case.rs", "run/judge.rs", "profile/bodies.rs", "cli/run.rs"]
    {
        assert!(searched(end), "{end} is not searched");
    }
    assert!(files.iter().filter(|file| !may(file)).count() > 200);
}

#[test]
fn the_search_itself_sees_what_it_should() {
    let code = "let a = b[\"delta\"]; // \"choices\"\nlet c = '\"'; let d = br#\"{\"messages\": \"\"}\"#;\nlet e = \"\\\"x\\\\\";\n\"y\"";
    assert_eq!(literals(code), [(1, "delta"), (2, "{\"messages\": \"\"}"), (3, "\\\"x\\\\"), (4, "y")]);
    for (text, word) in
        [("/choices/0", "choices"), ("delta", "delta"), ("data: [DONE]\n", "[DONE]"), ("{\"messages\"", "messages")]
    {
        assert!(names(text, word), "{text}");
    }
    for (text, word) in
        [("neg_messages", "messages"), ("deltas", "delta"), ("[done]", "[DONE]"), ("finish", "finish_reason")]
    {
        assert!(!names(text, word), "{text}");
    }
}
