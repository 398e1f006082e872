//! Rules about the reply as bytes and as JSON, before its members mean anything.

use crate::exchange::words::in_words;
use crate::exchange::{Payload, Reading, Reply};
use crate::source::Source;
use crate::wire::json;
use crate::{Check, Fault, Finding, Judge, NO_COMPLETION, Verdict, levels, shown, tier};

pub(crate) static CHECKS: &[Check] = &[
    Check {
        id: "resp-status-200",
        rule: "a success has status 200",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[Source::SEED, Source::OPENAI.note("200")],
        judge: Judge::Reply(status_200),
        across: None,
    },
    Check {
        id: "resp-content-type-json",
        rule: "a whole reply has content type application/json",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[Source::SEED, Source::OPENAI, Source::issue("EricLBuehler/mistral.rs", 79)],
        judge: Judge::Reply(content_type_json),
        across: None,
    },
    Check {
        id: "resp-json-parses",
        rule: "a whole reply is one JSON object with nothing but white space around it",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[Source::whole_rfc(8259)],
        judge: Judge::Reply(json_parses),
        across: None,
    },
    Check {
        id: "resp-utf8-valid",
        rule: "a body is UTF-8 without a byte-order mark",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[Source::rfc(8259, "8.1")],
        judge: Judge::Reply(utf8_valid),
        across: None,
    },
    Check {
        id: "resp-json-unique-names",
        rule: "no member name stands twice in an object",
        levels: levels("S/S"),
        tier: tier("C"),
        sources: &[Source::rfc(8259, "4")],
        judge: Judge::Reply(json_unique_names),
        across: None,
    },
    Check {
        id: "resp-json-finite",
        rule: "no NaN and no Infinity stands in JSON",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[
            Source::rfc(8259, "6"),
            Source::issue("vllm-project/vllm", 10234),
            Source::pull("vllm-project/vllm", 11073),
        ],
        judge: Judge::Reply(json_finite),
        across: None,
    },
    Check {
        id: "resp-schema",
        rule: "a completion validates against the dialect's response schema",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[Source::SEED, Source::OPENAI],
        judge: Judge::Reply(schema),
        across: None,
    },
    Check {
        id: "resp-extra-members-reported",
        rule: "members that the schema does not name are listed",
        levels: levels("Y/Y"),
        tier: tier("C"),
        sources: &[Source::ours("good practice")],
        judge: Judge::Reply(extra_members),
        across: None,
    },
];

/// Why a reply is not judged as a whole success, where it is not.
fn not_a_whole_success(reading: &Reading<'_>) -> Option<&'static str> {
    if reading.exchange.asked.wanted.stream {
        return Some("a stream was asked for");
    }
    if !reading.success() {
        return Some("not a success");
    }
    (!reading.complete()).then_some("the transfer did not complete")
}

fn status_200(reading: &Reading<'_>) -> Verdict {
    match reading.exchange.status() {
        Some(200) if !reading.exchange.asked.wanted.stream => Verdict::Pass,
        Some(status @ 201..=299) if !reading.exchange.asked.wanted.stream => {
            Verdict::warning("", format!("expected status 200, got {status}"))
        }
        Some(_) | None => Verdict::Skip("not a whole success"),
    }
}

fn content_type_json(reading: &Reading<'_>) -> Verdict {
    if let Some(reason) = not_a_whole_success(reading) {
        return Verdict::Skip(reason);
    }
    let media_type = reading.exchange.head.as_ref().and_then(crate::exchange::Head::media_type);
    Verdict::holds(media_type.as_deref() == Some("application/json"), "", || {
        format!("expected application/json, got {}", media_type.as_deref().unwrap_or("no content type"))
    })
}

fn json_parses(reading: &Reading<'_>) -> Verdict {
    if let Some(reason) = not_a_whole_success(reading) {
        return Verdict::Skip(reason);
    }
    match &reading.reply {
        Reply::Whole(whole) => match &whole.json {
            Ok(document) => Verdict::holds(document.value.is_object(), "", || {
                format!("expected a JSON object, got {}", shown(Some(&document.value)))
            })
            .kind(&Fault::WrongType),
            Err(error) => {
                let got = in_words(reading.exchange).unwrap_or_else(|| error.clone());
                Verdict::broken("", format!("expected a JSON object, got {got}")).kind(&Fault::Unreadable)
            }
        },
        Reply::Nothing | Reply::Stream(_) => Verdict::Skip("no body was kept"),
    }
}

fn utf8_valid(reading: &Reading<'_>) -> Verdict {
    if !reading.complete() || reading.stream().is_some() {
        return Verdict::Skip("no complete body, or a stream");
    }
    let bytes = &reading.exchange.body.bytes;
    if bytes.starts_with(b"\xef\xbb\xbf") {
        return Verdict::broken("", "the body opens with a byte-order mark").kind(&Fault::Unasked);
    }
    match std::str::from_utf8(bytes) {
        Ok(_) => Verdict::Pass,
        Err(error) => {
            let at = error.valid_up_to();
            let shown = &bytes[at..bytes.len().min(at + 4)];
            Verdict::broken("", format!("expected UTF-8, got {shown:02x?} at byte {at}")).kind(&Fault::Unreadable)
        }
    }
}

fn json_unique_names(reading: &Reading<'_>) -> Verdict {
    if let Some(stream) = reading.stream() {
        let twice = stream.documents().filter_map(|(event, document)| Some((event, document.duplicate.as_ref()?)));
        return Verdict::distinct(twice.map(|(event, pointer)| {
            Finding::in_event(event, pointer, "the name stands twice in its object").kind(Fault::Repeated)
        }));
    }
    match reading.json() {
        Some(document) => match &document.duplicate {
            Some(pointer) => Verdict::broken(pointer, "the name stands twice in its object").kind(&Fault::Repeated),
            None => Verdict::Pass,
        },
        None => Verdict::Skip("no JSON to judge"),
    }
}

fn json_finite(reading: &Reading<'_>) -> Verdict {
    if let Some(stream) = reading.stream() {
        let broken = stream.events.iter().enumerate().find_map(|(event, seen)| match seen.payload {
            Payload::Broken(_) => Some((event, json::non_finite(seen.data.as_bytes())?)),
            Payload::Chunk(_)
            | Payload::Repeat(_)
            | Payload::Error(_)
            | Payload::ErrorText
            | Payload::Done
            | Payload::Empty => None,
        });
        return match broken {
            Some((event, token)) => Verdict::Broken {
                level: None,
                findings: vec![Finding::in_event(event, "", format!("expected JSON, got {token}, which is none"))],
            },
            None => Verdict::Pass,
        };
    }
    match &reading.reply {
        Reply::Whole(whole) if reading.complete() => {
            if whole.json.is_ok() {
                return Verdict::Pass;
            }
            match json::non_finite(&reading.exchange.body.bytes) {
                Some(token) => Verdict::broken("", format!("expected JSON, got {token}, which is none")),
                None => Verdict::Skip("no JSON to judge"),
            }
        }
        Reply::Whole(_) | Reply::Nothing | Reply::Stream(_) => Verdict::Skip("no complete body"),
    }
}

fn schema(reading: &Reading<'_>) -> Verdict {
    let Some(completion) = reading.completion() else { return Verdict::Skip(NO_COMPLETION) };
    let schema = reading.exchange.asked.wanted.contract.response();
    if schema.is_valid(completion) {
        return Verdict::Pass;
    }
    Verdict::distinct(schema.violations(completion).into_iter().map(Finding::of_schema))
}

fn extra_members(reading: &Reading<'_>) -> Verdict {
    let contract = &reading.exchange.asked.wanted.contract;
    let mut extra = Vec::new();
    match reading.stream() {
        Some(stream) => stream.distinct().for_each(|(_, chunk)| contract.chunk().unnamed_members(chunk, &mut extra)),
        None => match reading.completion() {
            Some(completion) => contract.response().unnamed_members(completion, &mut extra),
            None => return Verdict::Skip("no completion to judge"),
        },
    }
    extra.sort_unstable();
    if extra.is_empty() { Verdict::Pass } else { Verdict::Noted(extra.join(" ")) }
}
