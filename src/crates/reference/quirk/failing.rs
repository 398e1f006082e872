//! Quirks of successes that are none: errors with status 200 in the shapes of servers, finish reasons that say that
//! generation failed, and ends that no client sees.

use serde_json::json;

use super::super::transcript::{Kind, Transcript};
use super::{Quirk, each, insert_behind, put, refinish, whole, with_text};

pub(super) const QUIRKS: &[Quirk] = &[
    Quirk::draft(
        "object-error-200",
        "an error object without an error member, with status 200",
        "runpod-workers/worker-vllm #57",
        |draft| {
            whole(draft, |reply| {
                *reply = json!({"object": "error", "message": "The model does not exist.", "type": "NotFoundError", "code": 404});
            });
        },
    ),
    Quirk::draft("detail-200", "an error as FastAPI writes it, with status 200", "FastAPI's HTTPException", |draft| {
        whole(draft, |reply| *reply = json!({"detail": "model is loading"}));
    }),
    Quirk::draft(
        "success-false-200",
        "success is false, and a list of errors, with status 200",
        "Cloudflare's API",
        |draft| {
            whole(draft, |reply| {
                *reply =
                    json!({"success": false, "errors": [{"code": 7003, "message": "could not route"}], "result": null});
            });
        },
    ),
    Quirk::draft(
        "error-list-200",
        "an error in a list, with status 200",
        "Gemini's endpoint for OpenAI's clients: FuzzAnything/PromptFuzz #42",
        |draft| {
            whole(draft, |reply| {
                *reply = json!([{"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}]);
            });
        },
    ),
    Quirk::draft(
        "empty-error-object",
        "beside the answer an error whose members are all empty",
        "BerriAI/litellm #18407",
        |draft| {
            each(draft, |reply| put(reply, "", "error", json!({"message": "", "type": "", "param": "", "code": null})));
        },
    ),
    Quirk::draft(
        "inband-error-code",
        "an error of code and message as an event in the middle of the stream",
        "Alibaba Cloud Model Studio",
        |draft| {
            if let Some(number) = with_text(draft).get(2).copied() {
                insert_behind(
                    draft,
                    number,
                    json!({"code": "InternalError", "message": "worker died", "request_id": "r"}),
                );
            }
        },
    ),
    Quirk::draft("finish-abort", "answers finish with abort", "vllm-project/vllm #57082", |draft| {
        each(draft, |reply| refinish(reply, None, "abort"));
    }),
    Quirk::transcript(
        "event-error-text",
        "a stream breaks off with an event named error whose data is plain text",
        "no server known; WHATWG HTML, section 9.2.6",
        |transcript| {
            if transcript.kind == Kind::Stream && transcript.writes.len() > 4 {
                transcript.writes.truncate(4);
                last(transcript, b"event: error\ndata: upstream timed out\n\n");
            }
        },
    ),
    Quirk::transcript("bare-done", "[DONE] without the field data", "Portkey-AI/gateway #55", |transcript| {
        last(transcript, b"[DONE]\n\n");
    }),
    Quirk::transcript(
        "named-done",
        "[DONE] in an event with a name, which the chunks have not",
        "no server known; WHATWG HTML, section 9.2.6",
        |transcript| last(transcript, b"event: done\ndata: [DONE]\n\n"),
    ),
];

/// Puts other bytes in the place of the last event of a stream.
fn last(transcript: &mut Transcript, bytes: &[u8]) {
    if let (Kind::Stream, Some(write)) = (transcript.kind, transcript.writes.last_mut()) {
        write.bytes = bytes.to_vec();
    }
}
