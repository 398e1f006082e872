//! What an exchange shows of a fault that is another rule's: each says so only where nothing else can be the reason.

use std::collections::BTreeMap;

use super::super::book::sent;
use super::super::stream::pieces_of;
use crate::exchange::{Choice, Payload, Reading};
use crate::format::response::facts;
use crate::wire::api::reply::finishes;
use crate::wire::json::{self, Members, Value};

/// A completion came.
pub(super) fn served(reading: &Reading<'_>) -> bool {
    reading.success() && reading.complete()
}

/// The request names this member, with any value but null.
fn asks(reading: &Reading<'_>, member: &str) -> bool {
    sent(reading).member(member).is_some_and(|value| !value.is_null())
}

/// A request that names this member got no success.
fn refuses(reading: &Reading<'_>, member: &str) -> bool {
    !reading.success() && asks(reading, member)
}

pub(super) fn refuses_stop(reading: &Reading<'_>) -> bool {
    refuses(reading, "stop")
}

pub(super) fn refuses_tools(reading: &Reading<'_>) -> bool {
    refuses(reading, "tools")
}

pub(super) fn refuses_logprobs(reading: &Reading<'_>) -> bool {
    refuses(reading, "logprobs")
}

pub(super) fn refuses_format(reading: &Reading<'_>) -> bool {
    refuses(reading, "response_format")
}

pub(super) fn serves_stop(reading: &Reading<'_>) -> bool {
    served(reading) && asks(reading, "stop")
}

pub(super) fn serves_tool_choice(reading: &Reading<'_>) -> bool {
    served(reading) && asks(reading, "tool_choice")
}

/// What came says that it is a page for people, or a stream.
pub(super) fn is_page_or_stream(reading: &Reading<'_>) -> bool {
    let media_type = reading.exchange.head.as_ref().and_then(crate::exchange::Head::media_type);
    matches!(media_type.as_deref(), Some("text/html" | "text/event-stream"))
}

/// The server failed at it, and did not say that it is busy.
pub(super) fn crashes(reading: &Reading<'_>) -> bool {
    matches!(reading.exchange.status(), Some(500..=599)) && !matches!(reading.exchange.status(), Some(502..=504))
}

/// It is an error reply of the client's making.
pub(super) fn is_refused(reading: &Reading<'_>) -> bool {
    matches!(reading.exchange.status(), Some(400..=499))
}

/// A request with some `n` other than 1 got one choice, which has index 0 and ends once, as if `n` had not been there.
pub(super) fn ignores_n(reading: &Reading<'_>) -> bool {
    let asked = sent(reading).member("n").is_some_and(|n| !n.is_null() && n.as_u64() != Some(1));
    let one = matches!(reading.choices.as_slice(), [choice] if choice.index == 0 && choice.finish.is_some());
    asked && served(reading) && one && ends_each_once(reading)
}

/// Every choice that a stream has ends exactly once.
pub(super) fn ends_each_once(reading: &Reading<'_>) -> bool {
    let Some(stream) = reading.stream() else { return true };
    let mut ends: BTreeMap<u64, u32> = BTreeMap::new();
    for (_, _, index, _) in pieces_of(stream).filter(|(.., piece)| finishes(piece)) {
        *ends.entry(index).or_default() += 1;
    }
    let once = |choice: &Choice| ends.get(&choice.index) == Some(&1);
    !reading.choices.is_empty() && reading.choices.iter().all(once)
}

/// A stream has neither `[DONE]` nor any finish reason: it breaks off.
pub(super) fn breaks_off(reading: &Reading<'_>) -> bool {
    reading.stream().is_some_and(|stream| stream.done().is_none())
        && reading.choices.iter().all(|choice| choice.finish.is_none())
}

/// Some choice has an index beyond those that were asked for.
pub(super) fn has_stray_choice(reading: &Reading<'_>) -> bool {
    reading.choices.iter().any(|choice| choice.index >= reading.exchange.asked.wanted.n)
}

/// Every choice has an index that was asked for.
pub(super) fn has_no_stray_choice(reading: &Reading<'_>) -> bool {
    !has_stray_choice(reading)
}

/// A request for a stream, or with something else for `stream`, got one whole reply.
pub(super) fn ignores_stream(reading: &Reading<'_>) -> bool {
    let asked =
        sent(reading).member("stream").is_some_and(|stream| !stream.is_null() && stream.as_bool() != Some(false));
    asked && reading.success() && !has_events(reading) && whole_json(reading)
}

/// A request that asks for no stream got one.
pub(super) fn streams_unasked(reading: &Reading<'_>) -> bool {
    let media_type = reading.exchange.head.as_ref().and_then(crate::exchange::Head::media_type);
    let asked = sent(reading).member("stream").and_then(Value::as_bool) == Some(true);
    !asked && reading.success() && media_type.as_deref() == Some("text/event-stream")
}

fn has_events(reading: &Reading<'_>) -> bool {
    reading.stream().is_some_and(|stream| !stream.events.is_empty() && stream.bare_json.is_none())
}

fn whole_json(reading: &Reading<'_>) -> bool {
    reading.json().is_some() || reading.stream().is_some_and(|stream| stream.bare_json.is_some())
}

/// A stream was answered with 200 and an error in it.
pub(super) fn tells_error_in_stream(reading: &Reading<'_>) -> bool {
    let is_error = |payload: &Payload| matches!(payload, Payload::Error(_));
    reading.success()
        && reading.stream().is_some_and(|stream| {
            stream.bare_json.is_none() && stream.events.iter().any(|event| is_error(&event.payload))
        })
}

/// A stream that offered tools ended without saying anything.
pub(super) fn drops_call(reading: &Reading<'_>) -> bool {
    let silent = |choice: &Choice| {
        choice.calls.is_empty()
            && [&choice.content, &choice.reasoning, &choice.refusal].iter().all(|text| text.is_empty())
    };
    let asked = &reading.exchange.asked.wanted;
    asked.stream && !asked.tools.is_empty() && served(reading) && reading.choices.iter().all(silent)
}

/// The text goes on behind a stop sequence.
pub(super) fn goes_on_after_stop(reading: &Reading<'_>) -> bool {
    served(reading)
        && stops(reading).iter().any(|stop| {
            let rest =
                |choice: &Choice| choice.content.split_once(stop.as_str()).map(|(_, rest)| !rest.trim().is_empty());
            reading.choices.iter().any(|choice| rest(choice) == Some(true))
        })
}

/// A stop sequence is in the text.
pub(super) fn shows_stop(reading: &Reading<'_>) -> bool {
    let shown = |stop: &String| reading.choices.iter().any(|choice| choice.content.contains(stop.as_str()));
    served(reading) && stops(reading).iter().any(shown)
}

fn stops(reading: &Reading<'_>) -> Vec<String> {
    let body = sent(reading);
    match body.member("stop") {
        Some(Value::String(_)) => body.member("stop").and_then(Value::as_str).map(str::to_owned).into_iter().collect(),
        Some(list) => {
            let texts = list.as_array().into_iter().flatten().filter_map(Value::as_str);
            texts.map(str::to_owned).collect()
        }
        None => Vec::new(),
    }
}

/// Usage counts more tokens than the cap on them.
pub(super) fn exceeds_cap(reading: &Reading<'_>) -> bool {
    let asked = &reading.exchange.asked;
    let limit = asked.cap.map(|cap| cap.saturating_mul(asked.wanted.n) as f64);
    limit.zip(reading.usage).is_some_and(|(limit, usage)| usage.completion > limit)
}

/// A request with a bad value for `max_tokens` got an answer, as if it had not been there.
pub(super) fn ignores_max_tokens(reading: &Reading<'_>) -> bool {
    served(reading) && asks(reading, "max_tokens")
}

/// A reply used the whole cap, or more, and says that it ended for another reason.
pub(super) fn hides_the_cap(reading: &Reading<'_>) -> bool {
    let asked = &reading.exchange.asked;
    let limit = asked.cap.map(|cap| cap.saturating_mul(asked.wanted.n) as f64);
    let used_up = limit.zip(reading.usage).is_some_and(|(limit, usage)| usage.completion >= limit);
    used_up && ends_otherwise(reading)
}

/// A stream without usage under a cap says that it ended for another reason.
pub(super) fn hides_the_cap_in_stream(reading: &Reading<'_>) -> bool {
    hides_the_cap(reading) || reading.usage.is_none() && ends_otherwise(reading)
}

fn ends_otherwise(reading: &Reading<'_>) -> bool {
    let other = |choice: &Choice| choice.finish.as_deref().is_some_and(|finish| finish != "length");
    !reading.choices.is_empty() && reading.choices.iter().all(other)
}

/// Some choice ends for a reason that nobody published.
pub(super) fn ends_unknown(reading: &Reading<'_>) -> bool {
    let facts = facts(reading);
    let unknown = |choice: &Choice| choice.finish.as_deref().is_some_and(|finish| !facts.is_known_finish(finish));
    reading.choices.iter().any(unknown)
}

/// A request with a response format got a text that is no JSON at all.
pub(super) fn answers_in_prose(reading: &Reading<'_>) -> bool {
    let asked = served(reading) && asks(reading, "response_format");
    let prose = |choice: &Choice| {
        let text = choice.content.trim();
        !text.is_empty() && !text.starts_with(['{', '[']) && json::read(text.as_bytes()).is_err()
    };
    asked && reading.choices.first().is_some_and(prose)
}

/// The first piece of every call lacks its id, and nothing else.
pub(super) fn lacks_call_id_only(reading: &Reading<'_>) -> bool {
    let mut firsts = reading.choices.iter().flat_map(|choice| &choice.calls).map(|call| call.fragments.first());
    firsts.all(|first| first.is_some_and(|first| first.kind.is_some() && first.name.is_some()))
}

/// The prompt has no tokens.
pub(super) fn counts_no_prompt(reading: &Reading<'_>) -> bool {
    reading.usage.is_some_and(|usage| usage.prompt <= 0.0)
}

/// The first chunk of the stream has a choice.
pub(super) fn begins_with_choice(reading: &Reading<'_>) -> bool {
    let first = reading.stream().and_then(|stream| stream.chunks().next().map(|(_, chunk)| chunk));
    first.is_some_and(|chunk| !crate::wire::api::reply::choices(chunk).is_empty())
}
