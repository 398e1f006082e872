//! Quirks of error bodies.

use serde_json::{Value, json};

use super::super::transcript::{Draft, Kind, Write};
use super::framing::header;
use super::{MADE_UP, Quirk, error, put, set};

pub(super) const QUIRKS: &[Quirk] = &[
    Quirk::transcript("error-html", "errors are HTML pages", "reverse proxies in front of a server", |transcript| {
        if transcript.kind == Kind::Error {
            header(transcript, "content-type", "text/html");
            let at = transcript.writes.first().map(|write| write.at).unwrap_or_default();
            transcript.writes = vec![Write { at, bytes: b"<html><body><h1>Error</h1></body></html>".to_vec() }];
        }
    }),
    Quirk::draft("error-bare", "errors without envelope", "vllm-project/vllm PR#22099", |draft| {
        error(draft, |body| *body = json!({"object": "error", "message": "the request is not valid", "code": 400}));
    }),
    Quirk::draft(
        "error-silent",
        "errors with an empty message",
        "no server known; OpenAI requires a message",
        |draft| {
            error(draft, |body| {
                set(body, "/error/message", "");
                set(body, "/detail", "");
            });
        },
    ),
    Quirk::draft("error-string", "error is a string", "mostlygeek/llama-swap #1037", |draft| {
        error(draft, |body| *body = json!({"error": "the request is not valid"}));
    }),
    Quirk::draft(
        "error-traceback",
        "errors with a stack trace",
        "no server known; frameworks in debug mode",
        |draft| {
            error(draft, |body| {
                let trace = "Traceback (most recent call last):\n  File \"/app/main.py\", line 3, in handler";
                set(body, "/error/message", trace);
                set(body, "/detail", trace);
            });
        },
    ),
    Quirk::draft("error-code-number", "the error's code is a number", "ggml-org/llama.cpp PR#5961", |draft| {
        let status = draft.status;
        error(draft, |body| put(body, "/error", "code", status));
    }),
    Quirk::draft("error-detail", "detail in the place of the envelope", "ray-project/ray #64833", |draft| {
        error(draft, |body| *body = json!({"detail": "Not Found"}));
    }),
    Quirk::draft(
        "bad-input-500",
        "what is wrong with a request is answered with 500",
        "vllm-project/vllm #16774, #35438; ggml-org/llama.cpp PR#17572",
        |draft| {
            if draft.kind == Kind::Error && matches!(draft.status, 400 | 422) {
                draft.status = 500;
            }
        },
    ),
    Quirk::draft(
        "missing-bearer-403",
        "a missing bearer is answered with 403",
        "fastapi/fastapi #2026, #10177",
        |draft| {
            if draft.kind == Kind::Error && draft.status == 401 {
                draft.status = 403;
                draft.headers.retain(|(name, _)| *name != "www-authenticate");
            }
        },
    ),
    Quirk::draft(
        "error-code-of-another",
        "the error's code is the number of another status",
        "RFC 9110 15: the status line alone says what became of a request",
        |draft| {
            let other = if draft.status == 404 { 400 } else { 404 };
            error(draft, |body| {
                let told =
                    json!({"message": "the request is not valid", "type": "invalid_request_error", "param": null});
                *body = json!({"error": told});
                put(body, "/error", "code", other);
            });
        },
    ),
    Quirk::draft(
        "put-off-bare",
        "what is wrong with a request is answered with 429 and no envelope",
        "mostlygeek/llama-swap #1037",
        |draft| {
            if put_off(draft) {
                error(draft, |body| *body = json!("slow down"));
            }
        },
    ),
    Quirk::draft("put-off-until-soon", "a 429 whose Retry-After is a word", "RFC 9110 10.2.3", |draft| {
        if put_off(draft) {
            draft.headers.push(("retry-after", "soon".into()));
        }
    }),
    Quirk::draft(
        "put-off-503",
        "what is wrong with a request is answered with 503, and no Retry-After",
        "no server known; RFC 9110, section 15.6.4",
        |draft| {
            if put_off(draft) {
                draft.status = 503;
            }
        },
    ),
    Quirk::draft(
        "error-names-another",
        "whatever is wrong with a request, the error names the temperature",
        MADE_UP,
        |draft| {
            if draft.kind == Kind::Error && matches!(draft.status, 400 | 422) {
                error(draft, |body| {
                    set(body, "/error/param", "temperature");
                    for fault in body.get_mut("detail").and_then(Value::as_array_mut).into_iter().flatten() {
                        set(fault, "/loc", json!(["body", "temperature"]));
                    }
                });
            }
        },
    ),
    Quirk::draft(
        "error-by-turns",
        "what is wrong with a request is answered with 400 and with 422 in turn",
        MADE_UP,
        |draft| {
            if draft.kind == Kind::Error && matches!(draft.status, 400 | 422) {
                draft.status = if draft.number % 2 == 0 { 400 } else { 422 };
            }
        },
    ),
    Quirk::answer(
        "error-as-stream",
        "an error of a streamed request comes as an event, with status 200",
        "ggml-org/llama.cpp #14566",
        |draft, asked| {
            if draft.kind == Kind::Error && asked.get("stream").and_then(Value::as_bool) == Some(true) {
                draft.kind = Kind::Stream;
                draft.status = 200;
            }
        },
    ),
];

/// Answers what is wrong with a request with 429.
fn put_off(draft: &mut Draft) -> bool {
    let wrong = draft.kind == Kind::Error && matches!(draft.status, 400 | 422);
    if wrong {
        draft.status = 429;
    }
    wrong
}
