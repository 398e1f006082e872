//! Rules about log probabilities: `OpenAI`'s flag and what it reports, and Pulze's number, whose effect no page shows.

use crate::book::{accepted, each, refused};
use crate::exchange::{Choice, Reading};
use crate::logprobs::probes::{LP_FLAG, LP_INTEGER, LP_RANGE, LP_TOP_ALONE, LP_TOP_RANGE, LP_UTF8, LP2, LP2_STREAM};
use crate::probe::Probe;
use crate::source::Source;
use crate::wire::api::reply::{self, choices};
use crate::wire::json::{At, Members, Value};
use crate::{Book, Check, Finding, INCOMPLETE, Judge, Level, NO_COMPLETION, Verdict, levels, shown, tier};

pub(crate) static CHECKS: &[Check] = &[
    Check {
        id: "logprobs-pulze-integer",
        rule: "logprobs is accepted as an integer",
        levels: levels("S/-"),
        tier: tier("C"),
        sources: &[Source::SEED.note("integer [0,5]")],
        judge: Judge::Probes(&[&LP_INTEGER], |book| accepted(book.replies(&LP_INTEGER))),
        across: None,
    },
    Check {
        id: "logprobs-pulze-bool-rejected",
        rule: "logprobs true is refused",
        levels: levels("S/-"),
        tier: tier("F"),
        sources: &[Source::SEED.note("type")],
        judge: Judge::Probes(&[&LP_FLAG], |book| refused(book.replies(&LP_FLAG))),
        across: None,
    },
    Check {
        id: "logprobs-pulze-range",
        rule: "logprobs outside 0 to 5 is refused",
        levels: levels("S/-"),
        tier: tier("F"),
        sources: &[Source::SEED.note("derived: 0..5")],
        judge: Judge::Probes(&[&LP_RANGE], |book| refused(book.replies(&LP_RANGE))),
        across: None,
    },
    Check {
        id: "logprobs-present",
        rule: "logprobs true gets the log probabilities of each choice",
        levels: levels("-/M"),
        tier: tier("C"),
        sources: &[Source::OPENAI],
        judge: Judge::Probes(&[&LP2], |book| each(book.replies(&LP2), present)),
        across: None,
    },
    Check {
        id: "logprobs-not-ignored",
        rule: "a success that was asked for log probabilities has those of each text, whole or streamed",
        levels: levels("-/M"),
        tier: tier("L"),
        sources: &[
            Source::OPENAI.note("logprobs: \"If true, returns the log probabilities of each output token\""),
            Source::pull("theroyallab/tabbyAPI", 430),
            Source::pull("vllm-project/vllm", 47838),
            Source::issue("EricLBuehler/mistral.rs", 1876),
        ],
        judge: Judge::Reply(not_ignored),
        across: None,
    },
    Check {
        id: "logprobs-absent-by-default",
        rule: "logprobs is null or absent where it was not asked for",
        levels: levels("-/S"),
        tier: tier("F"),
        sources: &[Source::OPENAI.note("default false")],
        judge: Judge::Reply(absent_by_default),
        across: None,
    },
    Check {
        id: "logprobs-entry-shape",
        rule: "an entry has token, logprob, bytes or null, and a list of top_logprobs",
        levels: levels("-/M"),
        tier: tier("F"),
        sources: &[Source::OPENAI, Source::issue("vllm-project/vllm", 3179), Source::issue("vllm-project/vllm", 4795)],
        judge: Judge::Probes(&[&LP2], |book| each_entry(book, &LP2, shape)),
        across: None,
    },
    Check {
        id: "logprobs-nonpositive-finite",
        rule: "a log probability is at most 0, and finite",
        levels: levels("-/M"),
        tier: tier("F"),
        sources: &[
            Source::OPENAI,
            Source::issue("vllm-project/vllm", 10234),
            Source::pull("vllm-project/vllm", 4149),
            Source::issue("sgl-project/sglang", 5984),
        ],
        judge: Judge::Probes(&[&LP2], |book| each_entry(book, &LP2, nonpositive)),
        across: None,
    },
    Check {
        id: "logprobs-join-equals-text",
        rule: "the tokens of the entries join to the text",
        levels: levels("-/S"),
        tier: tier("F"),
        sources: &[Source::project("ggml-org/llama.cpp").note("tests")],
        judge: Judge::Probes(&[&LP2], |book| each(book.replies(&LP2), joins)),
        across: None,
    },
    Check {
        id: "logprobs-bytes-match",
        rule: "bytes are those of the token",
        levels: levels("-/S"),
        tier: tier("F"),
        sources: &[Source::OPENAI],
        judge: Judge::Probes(&[&LP_UTF8], |book| each_entry(book, &LP_UTF8, bytes_match)),
        across: None,
    },
    Check {
        id: "logprobs-top-count",
        rule: "an entry has at most top_logprobs alternatives",
        levels: levels("-/M"),
        tier: tier("F"),
        sources: &[Source::OPENAI.note("0..20")],
        judge: Judge::Probes(&[&LP2], |book| each_entry(book, &LP2, top_count)),
        across: None,
    },
    Check {
        id: "logprobs-top-sorted",
        rule: "the alternatives descend, and at temperature 0 the token is among them",
        levels: levels("-/S"),
        tier: tier("F"),
        sources: &[Source::ours("good practice")],
        judge: Judge::Probes(&[&LP2], |book| each_entry(book, &LP2, top_sorted)),
        across: None,
    },
    Check {
        id: "logprobs-top-requires-flag",
        rule: "top_logprobs without logprobs is refused",
        levels: levels("-/S"),
        tier: tier("F"),
        sources: &[Source::OPENAI],
        judge: Judge::Probes(&[&LP_TOP_ALONE], |book| refused(book.replies(&LP_TOP_ALONE))),
        across: None,
    },
    Check {
        id: "logprobs-top-range",
        rule: "top_logprobs 21 is refused",
        levels: levels("-/S"),
        tier: tier("F"),
        sources: &[Source::OPENAI],
        judge: Judge::Probes(&[&LP_TOP_RANGE], |book| refused(book.replies(&LP_TOP_RANGE))),
        across: None,
    },
    Check {
        id: "logprobs-stream",
        rule: "chunks carry the log probabilities of their text, as right as those of a whole reply",
        levels: levels("-/M"),
        tier: tier("F"),
        sources: &[Source::OPENAI],
        judge: Judge::Probes(&[&LP2_STREAM], |book| each(book.replies(&LP2_STREAM), streamed)),
        across: None,
    },
    Check {
        id: "logprobs-count-matches-usage",
        rule: "there is an entry for each token of the completion",
        levels: levels("-/Y"),
        tier: tier("F"),
        sources: &[Source::ours("good practice")],
        judge: Judge::Probes(&[&LP2], |book| each(book.replies(&LP2), count_matches_usage)),
        across: None,
    },
];

/// Alternatives that the probes ask for.
const TOP: usize = 2;

/// What floating point may add to a log probability of 0.
const ROUNDING: f64 = 1e-6;

const NO_ENTRY: &str = "no log probability came";

/// One entry, with the number of its event in a stream.
struct Entry<'r> {
    event: Option<usize>,
    pointer: String,
    value: &'r Value,
}

impl Entry<'_> {
    fn finding(&self, (member, detail): (String, String)) -> Finding {
        Finding { event: self.event, ..Finding::new(format!("{}{member}", self.pointer), detail) }
    }

    /// The bytes of the token: those that are given, else those of its text.
    fn bytes(&self) -> Vec<u8> {
        given_bytes(self.value).unwrap_or_else(|| token(self.value).as_bytes().to_vec())
    }
}

fn token(entry: &Value) -> &str {
    entry.member("token").and_then(Value::as_str).unwrap_or_default()
}

fn given_bytes(entry: &Value) -> Option<Vec<u8>> {
    let bytes = entry.member("bytes")?.as_array()?;
    bytes.iter().map(|byte| byte.as_u64().and_then(|byte| u8::try_from(byte).ok())).collect()
}

/// The entries of every choice, in order.
fn entries<'r>(reading: &'r Reading<'_>) -> Vec<Entry<'r>> {
    let bodies: Vec<(Option<usize>, &Value)> = match reading.stream() {
        Some(stream) => stream.distinct().map(|(event, chunk)| (Some(event), chunk)).collect(),
        None => reading.completion().into_iter().map(|completion| (None, completion)).collect(),
    };
    let mut entries = Vec::new();
    for (event, body) in bodies {
        for (number, choice) in choices(body).iter().enumerate() {
            let listed = choice.at("/logprobs/content").and_then(Value::as_array).into_iter().flatten();
            entries.extend(listed.enumerate().map(|(place, value)| Entry {
                event,
                pointer: format!("/choices/{number}/logprobs/content/{place}"),
                value,
            }));
        }
    }
    entries
}

/// Judges every entry of the replies to a probe: what is wrong with one, and at which member.
fn each_entry(book: &Book<'_>, probe: &Probe, judge: fn(&Value) -> Option<(String, String)>) -> Verdict {
    each(book.replies(probe), |reading| {
        let entries = entries(reading);
        if entries.is_empty() {
            return Verdict::Skip(NO_ENTRY);
        }
        Verdict::of(entries.iter().filter_map(|entry| Some(entry.finding(judge(entry.value)?))).collect())
    })
}

fn present(reading: &Reading<'_>) -> Verdict {
    if !reading.success() {
        return accepted(std::slice::from_ref(reading));
    }
    if reading.completion().is_none() {
        return Verdict::Skip(NO_COMPLETION);
    }
    Verdict::of(lacking(reading).collect())
}

/// What a load run sees of that: a request that is refused breaks no rule here, for its outcome tells; one that is
/// answered as if nothing had been asked does.
fn not_ignored(reading: &Reading<'_>) -> Verdict {
    if !reading.exchange.asked.wanted.logprobs {
        return Verdict::Skip("log probabilities were not asked for");
    }
    if !reading.says_something() {
        return Verdict::Skip("no completion to judge");
    }
    if !reading.complete() {
        return Verdict::Skip(INCOMPLETE);
    }
    lacking(reading).next().map_or(Verdict::Pass, |finding| Verdict::of(vec![finding]))
}

/// The choices with text and without an entry. A choice without text has no token that a probability could be of.
fn lacking<'r>(reading: &'r Reading<'_>) -> impl Iterator<Item = Finding> + 'r {
    let pieces = |index: u64| reading.bodies().flat_map(choices).filter(move |piece| reply::index(piece) == index);
    let lists = |piece: &Value| {
        let listed = piece.at("/logprobs/content").and_then(Value::as_array);
        listed.is_some_and(|listed| !listed.is_empty())
    };
    let silent = move |choice: &&Choice| !choice.content.is_empty() && !pieces(choice.index).any(lists);
    reading.choices.iter().filter(silent).map(move |choice| {
        let came = pieces(choice.index).find_map(|piece| piece.member("logprobs"));
        let detail = format!("expected entries, got {}", shown(came));
        Finding::new(format!("/choices/{}/logprobs", choice.index), detail)
    })
}

fn absent_by_default(reading: &Reading<'_>) -> Verdict {
    if reading.exchange.asked.wanted.logprobs {
        return Verdict::Skip("log probabilities were asked for");
    }
    if !reading.says_something() {
        return Verdict::Skip(NO_COMPLETION);
    }
    let bodies: Vec<(Option<usize>, &Value)> = match reading.stream() {
        Some(stream) => stream.distinct().map(|(event, chunk)| (Some(event), chunk)).collect(),
        None => reading.completion().into_iter().map(|completion| (None, completion)).collect(),
    };
    let found = bodies.into_iter().find_map(|(event, body)| {
        let place = choices(body).iter().position(|choice| choice.member("logprobs").is_some_and(|l| !l.is_null()))?;
        let detail =
            format!("expected null or nothing, not asked for, got {}", shown(choices(body)[place].member("logprobs")));
        Some(Finding { event, ..Finding::new(format!("/choices/{place}/logprobs"), detail) })
    });
    Verdict::of(found.into_iter().collect())
}

fn shape(entry: &Value) -> Option<(String, String)> {
    let wrong = |member: &str, expected: &str| {
        Some((format!("/{member}"), format!("expected {expected}, got {}", shown(entry.get(member)))))
    };
    if !entry.member("token").is_some_and(Value::is_string) {
        return wrong("token", "a string");
    }
    if !entry.member("logprob").is_some_and(Value::is_number) {
        return wrong("logprob", "a number");
    }
    if let Some(wrong) = bytes_are_bytes(entry) {
        return Some(wrong);
    }
    if !entry.member("top_logprobs").is_some_and(Value::is_array) {
        return wrong("top_logprobs", "a list");
    }
    None
}

/// What is given as the bytes of a token, or of one of its alternatives, is a list of bytes.
fn bytes_are_bytes(entry: &Value) -> Option<(String, String)> {
    let (place, value) = with_alternatives(entry).find(|(_, value)| {
        value.member("bytes").is_some_and(|bytes| !bytes.is_null()) && given_bytes(value).is_none()
    })?;
    let detail = format!("expected a list of bytes, or null, got {}", shown(value.member("bytes")));
    Some((format!("{place}/bytes"), detail))
}

/// An entry and its alternatives, each with its place.
fn with_alternatives(entry: &Value) -> impl Iterator<Item = (String, &Value)> {
    let others = top(entry).iter().enumerate().map(|(place, other)| (format!("/top_logprobs/{place}"), other));
    std::iter::once((String::new(), entry)).chain(others)
}

fn top(entry: &Value) -> &[Value] {
    entry.member("top_logprobs").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn logprob(entry: &Value) -> Option<f64> {
    entry.member("logprob").and_then(Value::as_f64)
}

/// JSON has no other numbers than finite ones; what is none is a matter of the shape.
fn nonpositive(entry: &Value) -> Option<(String, String)> {
    let over = |value: &Value| logprob(value).is_some_and(|logprob| logprob > ROUNDING);
    let (place, value) = with_alternatives(entry).find(|(_, value)| over(value))?;
    Some((format!("{place}/logprob"), format!("expected at most 0, got {}", shown(value.member("logprob")))))
}

fn bytes_match(entry: &Value) -> Option<(String, String)> {
    // A token may be a part of a character, whose bytes alone are no text.
    let text = String::from_utf8(given_bytes(entry)?).ok()?;
    (text != token(entry)).then(|| ("/bytes".to_owned(), format!("the bytes of {text:?} for {:?}", token(entry))))
}

fn top_count(entry: &Value) -> Option<(String, String)> {
    let count = top(entry).len();
    (count > TOP).then(|| ("/top_logprobs".to_owned(), format!("expected at most {TOP}, got {count}")))
}

fn top_sorted(entry: &Value) -> Option<(String, String)> {
    let top = top(entry);
    let values: Vec<f64> = top.iter().filter_map(logprob).collect();
    let at = || "/top_logprobs".to_owned();
    if values.windows(2).any(|pair| pair[0] + ROUNDING < pair[1]) {
        return Some((at(), format!("{values:?} does not descend")));
    }
    let missing = !top.is_empty() && top.iter().all(|other| token(other) != token(entry));
    missing.then(|| (at(), format!("{:?}, drawn at temperature 0, is not among them", token(entry))))
}

/// Whether tokens are counted or listed that are not in the text.
fn is_more_than_text(reading: &Reading<'_>, choice: &Choice) -> bool {
    let reasoned = reading.usage.and_then(|usage| usage.reasoning).is_some_and(|tokens| tokens > 0.0);
    reasoned || !choice.reasoning.is_empty() || !choice.calls.is_empty()
}

/// The last token may be the one that ends the text, which is not shown, and white space around the text may be cut.
fn joins(reading: &Reading<'_>) -> Verdict {
    let entries = entries(reading);
    let Some(choice) = reading.choices.first().filter(|_| !entries.is_empty()) else { return Verdict::Skip(NO_ENTRY) };
    if !reading.complete() {
        return Verdict::Skip(INCOMPLETE);
    }
    if is_more_than_text(reading, choice) {
        return Verdict::Skip("the reply is more than text");
    }
    let text = choice.content.as_bytes().trim_ascii();
    let equals =
        |entries: &[Entry<'_>]| entries.iter().flat_map(Entry::bytes).collect::<Vec<u8>>().trim_ascii() == text;
    let joined = || entries.iter().map(|entry| token(entry.value)).collect::<String>();
    Verdict::holds(equals(&entries) || equals(&entries[..entries.len() - 1]), "/choices/0/logprobs/content", || {
        format!("the tokens join to {:?}, the text is {:?}", joined(), choice.content)
    })
}

/// What `logprobs-present`, `logprobs-entry-shape` and `logprobs-nonpositive-finite` demand of a whole reply, at their
/// level, and what `logprobs-join-equals-text` does, at its own.
fn streamed(reading: &Reading<'_>) -> Verdict {
    if !reading.success() {
        return accepted(std::slice::from_ref(reading));
    }
    if let Some(finding) = lacking(reading).next() {
        return Verdict::of(vec![finding]);
    }
    let wrong = |entry: &Entry<'_>| Some(entry.finding(nonpositive(entry.value).or_else(|| shape(entry.value))?));
    if let Some(finding) = entries(reading).iter().find_map(wrong) {
        return Verdict::of(vec![finding]);
    }
    match joins(reading) {
        Verdict::Broken { findings, .. } => Verdict::Broken { level: Some(Level::Should), findings },
        verdict @ (Verdict::Pass | Verdict::Noted(_) | Verdict::Skip(_)) => verdict,
    }
}

fn count_matches_usage(reading: &Reading<'_>) -> Verdict {
    let entries = entries(reading).len();
    let (Some(usage), Some(choice)) = (reading.usage, reading.choices.first()) else {
        return Verdict::Skip("the reply states no usage");
    };
    if entries == 0 {
        return Verdict::Skip(NO_ENTRY);
    }
    if is_more_than_text(reading, choice) {
        return Verdict::Skip("the reply is more than text");
    }
    Verdict::holds((usage.completion - entries as f64).abs() <= 1.0, "/usage/completion_tokens", || {
        format!("{} tokens, {entries} entries", usage.completion)
    })
}
