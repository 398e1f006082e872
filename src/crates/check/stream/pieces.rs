//! Rules about the pieces of a choice, one after another.

use std::collections::{BTreeMap, BTreeSet};

use super::super::said::{has_sound, says_nothing, spoken};
use super::super::{Check, Fault, Finding, INCOMPLETE, Judge, Level, NO_STREAM, Verdict, levels, shown, tier};
use super::chunks::each_chunk;
use super::{ended, pieces_of};
use crate::exchange::{Outcome, Reading};
use crate::format::response::{facts, unpublished_finish};
use crate::source::Source;
use crate::wire::api::chunk::Update;
use crate::wire::api::content::Content;
use crate::wire::api::reply::{choices, finishes};
use crate::wire::json::{At, Members, Value};

pub(crate) static CHECKS: &[Check] = &[
    Check {
        id: "stream-role-first",
        rule: "the first delta of each choice has role assistant",
        levels: levels("S/S"),
        tier: tier("C"),
        sources: &[
            Source::OPENAI,
            Source::project("sgl-project/sglang").note("tests"),
            Source::project("ggml-org/llama.cpp").note("tests"),
        ],
        judge: Judge::Reply(role_first),
        across: None,
    },
    Check {
        id: "stream-role-consistent",
        rule: "no later delta of a choice has another role",
        levels: levels("S/S"),
        tier: tier("F"),
        sources: &[Source::project("ggml-org/llama.cpp").note("tests: the role comes first only")],
        judge: Judge::Reply(role_consistent),
        across: None,
    },
    Check {
        id: "stream-content-delta-type",
        rule: "delta.content is absent, null or a string",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[Source::OPENAI, Source::issue("vllm-project/vllm-ascend", 14501)],
        judge: Judge::Reply(content_delta_type),
        across: None,
    },
    Check {
        id: "stream-finish-once",
        rule: "each choice has exactly one finish_reason, a spoken one at most one",
        levels: levels("S/M"),
        tier: tier("C"),
        sources: &[
            Source::client("openai/openai-node", "the stream helper throws where one is missing"),
            Source::OPENAI,
            Source::pull("sgl-project/sglang", 8417),
            Source::issue("vllm-project/vllm", 27572),
            Source::issue("microsoft/foundry-local", 299),
            Source::issue("openai/openai-node", 1206),
        ],
        judge: Judge::Reply(finish_once),
        across: None,
    },
    Check {
        id: "stream-finish-last",
        rule: "no content of a choice comes after its finish_reason",
        levels: levels("S/S"),
        tier: tier("C"),
        sources: &[Source::OPENAI, Source::issue("vllm-project/vllm", 35705)],
        judge: Judge::Reply(finish_last),
        across: None,
    },
    Check {
        id: "stream-finish-null-key",
        rule: "every piece of a choice has the key finish_reason, null until the last",
        levels: levels("Y/S"),
        tier: tier("F"),
        sources: &[
            Source::OPENAI.note("required, nullable"),
            Source::issue("vllm-project/vllm", 19650),
            Source::pull("vllm-project/vllm", 19662),
        ],
        judge: Judge::Reply(finish_null_key),
        across: None,
    },
    Check {
        id: "stream-finish-known",
        rule: "finish_reason is one of the published",
        levels: levels("S/M"),
        tier: tier("C"),
        sources: &[
            Source::PULZE_REFERENCE.note("open list"),
            Source::OPENAI.note("enum"),
            Source::OPENROUTER.note("adds the reason error"),
        ],
        judge: Judge::Reply(finish_known),
        across: None,
    },
    Check {
        id: "stream-index-valid",
        rule: "choice indices are 0 to n-1, each seen",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[Source::OPENAI, Source::issue("microsoft/foundry-local", 144)],
        judge: Judge::Reply(index_valid),
        across: None,
    },
    Check {
        id: "stream-nonempty",
        rule: "a stream has a choice, and each says something before it finishes",
        levels: levels("S/S"),
        tier: tier("C"),
        sources: &[
            Source::ours("a client shows an empty answer"),
            Source::pull("diegosouzapw/OmniRoute", 8210),
            Source::pull("infiniflow/ragflow", 19498),
        ],
        judge: Judge::Reply(nonempty),
        across: None,
    },
];

/// A whole reply's role is a constant, so that another breaks a MUST there; a chunk's may be left out, and is any of a
/// list, so that it breaks a SHOULD here.
fn role_first(reading: &Reading<'_>) -> Verdict {
    let Some(stream) = reading.stream() else { return Verdict::Skip(NO_STREAM) };
    let mut seen = BTreeSet::new();
    let mut findings = Vec::new();
    for (event, position, index, piece) in pieces_of(stream) {
        let annotates = piece.member("delta").is_none() && piece.member("content_filter_results").is_some();
        if annotates || !seen.insert(index) {
            continue;
        }
        let role = piece.at("/delta/role");
        if role.and_then(Value::as_str) != Some("assistant") {
            let detail = format!("expected \"assistant\" in the first delta of choice {index}, got {}", shown(role));
            let finding = Finding::in_event(event, &format!("/choices/{position}/delta/role"), detail);
            findings.push(finding.kind(Fault::came(role)));
        }
    }
    if seen.is_empty() { Verdict::Skip("the stream has no choice") } else { Verdict::distinct(findings) }
}

/// A role that is null or empty says nothing, and one that is said again is the same.
fn role_consistent(reading: &Reading<'_>) -> Verdict {
    let Some(stream) = reading.stream() else { return Verdict::Skip(NO_STREAM) };
    let mut roles: BTreeMap<u64, &str> = BTreeMap::new();
    for (event, position, index, piece) in pieces_of(stream) {
        let said = piece.at("/delta/role").and_then(Value::as_str).filter(|role| !role.is_empty());
        let Some(role) = said else { continue };
        let first = *roles.entry(index).or_insert(role);
        if role != first {
            let detail = format!("expected role {first:?}, as before in choice {index}, got {role:?}");
            return Verdict::of(vec![Finding::in_event(event, &format!("/choices/{position}/delta/role"), detail)]);
        }
    }
    if roles.is_empty() { Verdict::Skip("no delta has a role") } else { Verdict::Pass }
}

fn content_delta_type(reading: &Reading<'_>) -> Verdict {
    let Some(stream) = reading.stream() else { return Verdict::Skip(NO_STREAM) };
    let wrong = pieces_of(stream).filter_map(|(event, position, _, piece)| {
        let content = piece.at("/delta/content").filter(|content| !content.is_null() && !content.is_string())?;
        let pointer = format!("/choices/{position}/delta/content");
        let detail = format!("expected a string or null, got {}", shown(Some(content)));
        Some(Finding::in_event(event, &pointer, detail).kind(Fault::came(Some(content))))
    });
    Verdict::distinct(wrong)
}

/// OpenAI's own spoken streams end with the time until which the sound is kept, and with no reason (openai/openai-node
/// #1206).
fn finish_once(reading: &Reading<'_>) -> Verdict {
    let stream = match ended(reading) {
        Ok(stream) => stream,
        Err(verdict) => return verdict,
    };
    let spoken = spoken(reading);
    // The places at which each choice says why it ends.
    let none = (0..reading.exchange.asked.wanted.n).map(|index| (index, Vec::new()));
    let mut ends: BTreeMap<u64, Vec<(usize, usize)>> = none.collect();
    for (event, position, index, piece) in pieces_of(stream) {
        let places = ends.entry(index).or_default();
        if finishes(piece) {
            places.push((event, position));
        }
    }
    Verdict::distinct(ends.into_iter().filter_map(|(index, places)| match places.as_slice() {
        [_] => None,
        [] if spoken.contains(&index) => None,
        [] => {
            let detail = format!("expected one finish_reason of choice {index}, got none");
            Some(Finding::new(format!("/choices/{index}/finish_reason"), detail).kind(Fault::Missing))
        }
        [.., (event, position)] => {
            let events: Vec<String> = places.iter().map(|(event, _)| event.to_string()).collect();
            let (count, events) = (places.len(), events.join(", "));
            let detail = format!("expected one finish_reason of choice {index}, got {count}, in events {events}");
            let pointer = format!("/choices/{position}/finish_reason");
            Some(Finding::in_event(*event, &pointer, detail).kind(Fault::Repeated))
        }
    }))
}

/// Content in the chunk that carries the finish reason is legal; content after it is not.
fn finish_last(reading: &Reading<'_>) -> Verdict {
    let Some(stream) = reading.stream() else { return Verdict::Skip(NO_STREAM) };
    let mut finished = BTreeSet::new();
    for (event, position, index, piece) in pieces_of(stream) {
        if finished.contains(&index) && Update::of(piece).content().is_some_and(Content::says_something) {
            let detail = format!("expected nothing of choice {index} after its finish_reason, got content");
            let finding = Finding::in_event(event, &format!("/choices/{position}/delta"), detail);
            return Verdict::of(vec![finding.kind(Fault::OutOfOrder)]);
        }
        if finishes(piece) {
            finished.insert(index);
        }
    }
    if finished.is_empty() { Verdict::Skip("no choice finishes") } else { Verdict::Pass }
}

fn finish_null_key(reading: &Reading<'_>) -> Verdict {
    each_chunk(reading, |chunk| {
        let lacks = |piece: &Value| piece.member("finish_reason").is_none() && !has_sound(piece);
        let position = choices(chunk).iter().position(lacks)?;
        let detail = "expected the key finish_reason, null until the choice ends, got no such key".to_owned();
        Some((format!("/choices/{position}/finish_reason"), detail))
    })
}

fn finish_known(reading: &Reading<'_>) -> Verdict {
    let Some(stream) = reading.stream() else { return Verdict::Skip(NO_STREAM) };
    let facts = facts(reading);
    let unknown = pieces_of(stream).filter_map(|(event, position, _, piece)| {
        let reason = piece.member("finish_reason")?.as_str()?;
        (!facts.is_known_finish(reason)).then(|| {
            let detail = unpublished_finish(facts, reason);
            Finding::in_event(event, &format!("/choices/{position}/finish_reason"), detail).kind(Fault::WrongValue)
        })
    });
    Verdict::distinct(unknown)
}

fn index_valid(reading: &Reading<'_>) -> Verdict {
    let Some(stream) = reading.stream() else { return Verdict::Skip(NO_STREAM) };
    let n = reading.exchange.asked.wanted.n;
    let mut seen = Vec::new();
    for (event, chunk) in stream.distinct() {
        for (position, piece) in choices(chunk).iter().enumerate() {
            let Some(index) = piece.member("index").and_then(Value::as_u64).filter(|index| *index < n) else {
                let index = piece.member("index");
                let detail = format!("expected an index of 0 to {}, got {}", n.saturating_sub(1), shown(index));
                let finding = Finding::in_event(event, &format!("/choices/{position}/index"), detail);
                return Verdict::of(vec![finding.kind(Fault::came(index))]);
            };
            seen.push(index);
        }
    }
    match (0..n).find(|index| !seen.contains(index)) {
        Some(_) if !reading.complete() => Verdict::Skip(INCOMPLETE),
        Some(_) if seen.is_empty() => Verdict::Skip("the stream has no choice"),
        Some(index) => {
            let detail = format!("expected the choices 0 to {}, got no piece of choice {index}", n.saturating_sub(1));
            Verdict::broken(format!("/choices/{index}"), detail).kind(&Fault::Missing)
        }
        None => Verdict::Pass,
    }
}

/// The same as of a whole reply, by the same function and at the same level: an answer may be empty. A stream without a
/// choice is another matter, as it is whole (`resp-choices-nonempty`).
fn nonempty(reading: &Reading<'_>) -> Verdict {
    if let Err(verdict) = ended(reading) {
        return verdict;
    }
    if matches!(reading.outcome, Outcome::InbandError(_)) {
        return Verdict::Skip("an error came instead, see stream-no-inband-error");
    }
    if reading.choices.is_empty() {
        let level = facts(reading).choices_required.then_some(Level::Must);
        let finding = Finding::new("", "expected a choice in the stream, got none").kind(Fault::Missing);
        return Verdict::Broken { level, findings: vec![finding] };
    }
    match reading.choices.iter().find(|choice| says_nothing(reading, choice)) {
        Some(choice) => {
            let detail = format!("expected content of choice {} before it finishes, got none", choice.index);
            Verdict::broken(format!("/choices/{}", choice.index), detail).kind(&Fault::Missing)
        }
        None => Verdict::Pass,
    }
}
