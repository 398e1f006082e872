//! Rules about the framing of a stream: status, lines, events and its end.

use std::time::Duration;

use super::super::{Check, Fault, Finding, INCOMPLETE, Judge, NO_STREAM, Verdict, levels, shown, tier};
use super::{asked_stream, clip, ended};
use crate::exchange::words::{in_words, quoted};
use crate::exchange::{Cut, Outcome, Payload, Reading, Stream};
use crate::source::{Events, Source};

pub(crate) static CHECKS: &[Check] = &[
    Check {
        id: "stream-content-type",
        rule: "a stream has content type text/event-stream, in UTF-8",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[
            Source::html(Events::Whole),
            Source::OPENAI,
            Source::issue("microsoft/foundry-dev-tools", 195),
            Source::issue("containers/ramalama", 2837),
            Source::issue("sigoden/aichat", 651),
        ],
        judge: Judge::Reply(content_type),
        across: None,
    },
    Check {
        id: "stream-status-200",
        rule: "a stream has status 200",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[Source::SEED, Source::OPENAI.note("200")],
        judge: Judge::Reply(status_200),
        across: None,
    },
    Check {
        id: "stream-sse-wellformed",
        rule: "every line is blank, a comment, or a field of server-sent events",
        levels: levels("S/S"),
        tier: tier("C"),
        sources: &[
            Source::html(Events::Parsing),
            Source::html(Events::Interpretation).note("readers ignore a field of any other name"),
        ],
        judge: Judge::Reply(sse_wellformed),
        across: None,
    },
    Check {
        id: "stream-utf8-valid",
        rule: "the bytes of a stream are UTF-8",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[Source::html(Events::Parsing).note("UTF-8 always")],
        judge: Judge::Reply(utf8_valid),
        across: None,
    },
    Check {
        id: "stream-data-json",
        rule: "the data of every event but [DONE] is one JSON object",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[Source::OPENAI, Source::PULZE_HEADERS],
        judge: Judge::Reply(data_json),
        across: None,
    },
    Check {
        id: "stream-done-present",
        rule: "a stream has a data: [DONE] event",
        levels: levels("S/M"),
        tier: tier("C"),
        sources: &[
            Source::OPENAI,
            Source::PULZE_HEADERS,
            Source::issue("waybarrios/vllm-mlx", 101),
            Source::issue("vllm-project/vllm", 52852),
            Source::pull("BerriAI/litellm", 39748),
        ],
        judge: Judge::Reply(done_present),
        across: None,
    },
    Check {
        id: "stream-done-once-last",
        rule: "[DONE] comes once, and nothing but comments after it",
        levels: levels("S/M"),
        tier: tier("C"),
        sources: &[Source::OPENAI],
        judge: Judge::Reply(done_once_last),
        across: None,
    },
    Check {
        id: "stream-clean-close",
        rule: "the body ends properly, within 1 s of [DONE]",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[
            Source::rfc(9112, "7.1"),
            Source::rfc(9112, "8").note("an unfinished body is incomplete, and every HTTP client fails on it"),
        ],
        judge: Judge::Reply(clean_close),
        across: None,
    },
    Check {
        id: "stream-final-blank-line",
        rule: "the last event is followed by a blank line",
        levels: levels("S/S"),
        tier: tier("F"),
        sources: &[Source::html(Events::Interpretation).note("an unterminated last event is discarded")],
        judge: Judge::Reply(final_blank_line),
        across: None,
    },
    Check {
        id: "stream-line-ending",
        rule: "which line ending is used; a mixture is a warning",
        levels: levels("Y/Y"),
        tier: tier("C"),
        sources: &[Source::html(Events::Parsing).note("LF, CRLF and CR")],
        judge: Judge::Reply(line_ending),
        across: None,
    },
    Check {
        id: "stream-comments",
        rule: "comments are counted",
        levels: levels("Y/Y"),
        tier: tier("C"),
        sources: &[
            Source::html(Events::Whole),
            Source::issue("openai/openai-go", 227),
            Source::issue("symfony/ai", 1068),
            Source::issue("docker/docker-agent", 2349),
        ],
        judge: Judge::Reply(comments),
        across: None,
    },
    Check {
        id: "stream-event-field",
        rule: "no event has a name other than message or error",
        levels: levels("S/S"),
        tier: tier("F"),
        sources: &[
            Source::html(Events::Interpretation).note("an event goes to those who listen to its name"),
            Source::OPENAI.note("none used on chat"),
        ],
        judge: Judge::Reply(event_field),
        across: None,
    },
    Check {
        id: "stream-multiline-data",
        rule: "whether data comes in several lines",
        levels: levels("Y/Y"),
        tier: tier("F"),
        sources: &[Source::html(Events::Interpretation).note("lines of data are joined with LF")],
        judge: Judge::Reply(multiline_data),
        across: None,
    },
];

fn content_type(reading: &Reading<'_>) -> Verdict {
    if !asked_stream(reading) {
        return Verdict::Skip(NO_STREAM);
    }
    let value = reading.exchange.head.as_ref().and_then(|head| head.header("content-type")).unwrap_or("");
    let mut parts = value.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default();
    let charset = parts
        .find_map(|part| part.to_ascii_lowercase().strip_prefix("charset=").map(|c| c.trim_matches('"').to_owned()));
    let right =
        media_type.eq_ignore_ascii_case("text/event-stream") && charset.is_none_or(|charset| charset == "utf-8");
    Verdict::holds(right, "", || format!("expected text/event-stream, got {value:?}"))
}

/// Another success than 200 is a warning, as of a whole reply: clients take any 2xx (RFC 9110, section 15.3), and only a
/// browser's `EventSource`, which cannot send a body, demands 200.
fn status_200(reading: &Reading<'_>) -> Verdict {
    if !asked_stream(reading) {
        return Verdict::Skip(NO_STREAM);
    }
    match reading.exchange.status().unwrap_or_default() {
        200 => Verdict::Pass,
        status => Verdict::warning("", format!("expected status 200, got {status}")),
    }
}

fn sse_wellformed(reading: &Reading<'_>) -> Verdict {
    let Some(stream) = reading.stream() else { return Verdict::Skip(NO_STREAM) };
    if stream.bare_json.is_some() {
        return Verdict::broken("", "expected events, got a bare JSON body").kind(&Fault::WrongType);
    }
    let sample = String::from_utf8_lossy(stream.framing.first_unknown.as_deref().unwrap_or_default());
    Verdict::holds(stream.framing.unknown_fields == 0, "", || {
        let got = in_words(reading.exchange).filter(|_| stream.events.is_empty());
        let lines = format!("{} lines that are no field, the first {sample:?}", stream.framing.unknown_fields);
        format!("expected events, got {}", got.unwrap_or(lines))
    })
    .kind(&Fault::Unreadable)
}

fn utf8_valid(reading: &Reading<'_>) -> Verdict {
    let Some(stream) = reading.stream() else { return Verdict::Skip(NO_STREAM) };
    match stream.invalid_utf8 {
        Some(offset) if reading.complete() => {
            let bytes = &reading.exchange.body.bytes;
            let shown = &bytes[offset..bytes.len().min(offset + 4)];
            Verdict::broken("", format!("expected UTF-8, got {shown:02x?} at byte {offset}")).kind(&Fault::Unreadable)
        }
        Some(_) => Verdict::Skip(INCOMPLETE),
        None => Verdict::Pass,
    }
}

fn data_json(reading: &Reading<'_>) -> Verdict {
    let Some(stream) = reading.stream() else { return Verdict::Skip(NO_STREAM) };
    let faults = stream.events.iter().enumerate().filter_map(|(number, event)| match &event.payload {
        Payload::Broken(error) => {
            let is_text = !event.data.trim_start().starts_with(['{', '[', '"']);
            let got = if is_text {
                format!("plain text: {:?}", quoted(&event.data))
            } else {
                format!("broken JSON: {error}")
            };
            Some(Finding::in_event(number, "", format!("expected a JSON object, got {got}")).kind(Fault::Unreadable))
        }
        Payload::Chunk(document) | Payload::Error(document) if !document.value.is_object() => {
            let detail = format!("expected a JSON object, got {}", shown(Some(&document.value)));
            Some(Finding::in_event(number, "", detail).kind(Fault::came(Some(&document.value))))
        }
        Payload::Chunk(_)
        | Payload::Repeat(_)
        | Payload::Error(_)
        | Payload::ErrorText
        | Payload::Done
        | Payload::Empty => None,
    });
    Verdict::distinct(faults)
}

fn done_present(reading: &Reading<'_>) -> Verdict {
    match ended(reading) {
        Ok(stream) => Verdict::holds(stream.done().is_some(), "", || without_done(stream)).kind(&if stream
            .framing
            .unterminated
            .is_some()
        {
            Fault::CutOff
        } else {
            Fault::Missing
        }),
        Err(verdict) => verdict,
    }
}

/// What is in the place of `[DONE]`.
fn without_done(stream: &Stream) -> String {
    let named = stream.events.iter().find(|event| matches!(event.payload, Payload::Done));
    match (named, &stream.framing.unterminated) {
        (Some(event), _) => {
            format!(
                "expected data: [DONE] in a message, got it in an event named {:?}, which no client reads as one",
                clip(&event.name)
            )
        }
        (None, Some(rest)) => {
            let rest = String::from_utf8_lossy(rest);
            format!("expected data: [DONE], got {:?}, which no blank line ends, at the end", quoted(&rest))
        }
        (None, None) => format!("expected data: [DONE], got {} events without it", stream.events.len()),
    }
}

fn done_once_last(reading: &Reading<'_>) -> Verdict {
    let Some(stream) = reading.stream() else { return Verdict::Skip(NO_STREAM) };
    let Some(done) = stream.done() else { return Verdict::Skip("[DONE] is absent") };
    match stream.events.get(done + 1) {
        Some(event) => {
            let detail = format!("expected nothing after [DONE], got {:?}", clip(&event.data));
            let fault = if matches!(event.payload, Payload::Done) { Fault::Repeated } else { Fault::OutOfOrder };
            Verdict::of(vec![Finding::in_event(done + 1, "", detail).kind(fault)])
        }
        None => Verdict::Pass,
    }
}

/// Longest that a server may keep the body open after `[DONE]`; our own client waits no longer.
const LINGER: Duration = Duration::from_secs(1);

fn clean_close(reading: &Reading<'_>) -> Verdict {
    let Some(stream) = reading.stream() else { return Verdict::Skip(NO_STREAM) };
    let broken = [
        (Outcome::Truncated(Cut::ShortBody), "the body ended without its terminator"),
        (Outcome::Reset, "the connection was reset"),
        (Outcome::Protocol, "the framing of the body broke"),
    ];
    if let Some((_, detail)) = broken.iter().find(|(outcome, _)| *outcome == reading.exchange.outcome) {
        return Verdict::broken("", *detail);
    }
    if reading.exchange.transfer.end.is_lingering() {
        return Verdict::broken("", "the body stayed open for more than a second after [DONE], until the client left");
    }
    if !reading.complete() {
        return Verdict::Skip(INCOMPLETE);
    }
    let Some(done) = stream.done() else { return Verdict::Pass };
    let lingered = reading.exchange.ended.saturating_sub(reading.arrived(stream.events[done].arrival));
    Verdict::holds(lingered <= LINGER, "", || format!("the body stayed open for {lingered:.1?} after [DONE]"))
        .kind(&Fault::OutOfOrder)
}

fn final_blank_line(reading: &Reading<'_>) -> Verdict {
    match ended(reading) {
        Ok(stream) => match &stream.framing.unterminated {
            Some(rest) => {
                let rest = String::from_utf8_lossy(rest);
                let detail =
                    format!("expected a blank line after the last event, which is discarded: {:?}", quoted(&rest));
                Verdict::broken("", detail).kind(&Fault::CutOff)
            }
            None => Verdict::Pass,
        },
        Err(verdict) => verdict,
    }
}

fn line_ending(reading: &Reading<'_>) -> Verdict {
    let Some(stream) = reading.stream() else { return Verdict::Skip(NO_STREAM) };
    let endings = stream.framing.endings;
    if endings.mixed() {
        return Verdict::warning("", format!("{} LF, {} CRLF, {} CR", endings.lf, endings.crlf, endings.cr));
    }
    match (endings.lf, endings.crlf, endings.cr) {
        (0, 0, 0) => Verdict::Skip("no line"),
        (1.., _, _) => Verdict::Noted("LF".to_owned()),
        (_, 1.., _) => Verdict::Noted("CRLF".to_owned()),
        (_, _, 1..) => Verdict::Noted("CR".to_owned()),
    }
}

fn comments(reading: &Reading<'_>) -> Verdict {
    let Some(stream) = reading.stream() else { return Verdict::Skip(NO_STREAM) };
    match &stream.framing.first_comment {
        Some(text) => Verdict::Noted(String::from_utf8_lossy(text).trim().to_owned()),
        None => Verdict::Pass,
    }
}

fn event_field(reading: &Reading<'_>) -> Verdict {
    let Some(stream) = reading.stream() else { return Verdict::Skip(NO_STREAM) };
    let is_usual = |name: &str| name.is_empty() || matches!(name, "message" | "error");
    let named = stream.events.iter().position(|event| !is_usual(&event.name));
    let finding = |event: usize| {
        let detail = format!("expected no name, or message or error, got {:?}", clip(&stream.events[event].name));
        Finding::in_event(event, "", detail).kind(Fault::WrongValue)
    };
    Verdict::of(named.map(finding).into_iter().collect())
}

fn multiline_data(reading: &Reading<'_>) -> Verdict {
    let Some(stream) = reading.stream() else { return Verdict::Skip(NO_STREAM) };
    match stream.framing.multiline {
        0 => Verdict::Pass,
        _ => Verdict::Noted("some events have several data lines".to_owned()),
    }
}
