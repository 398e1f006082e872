//! Quirks of error bodies.

use serde_json::json;

use super::super::wire::{Kind, Write};
use super::stream::header;
use super::{Quirk, error, set};

pub(super) const QUIRKS: &[Quirk] = &[
    Quirk::transcript("error-html", "errors are HTML pages", |transcript| {
        if transcript.kind == Kind::Error {
            header(transcript, "content-type", "text/html");
            let at = transcript.writes.first().map(|write| write.at).unwrap_or_default();
            transcript.writes = vec![Write { at, bytes: b"<html><body><h1>Error</h1></body></html>".to_vec() }];
        }
    }),
    Quirk::draft("error-bare", "errors without envelope (vllm-project/vllm PR#22099)", |draft| {
        error(draft, |body| *body = json!({"object": "error", "message": "the request is not valid", "code": 400}));
    }),
    Quirk::draft("error-silent", "errors with an empty message", |draft| {
        error(draft, |body| {
            set(body, "/error/message", "");
            set(body, "/detail", "");
        });
    }),
    Quirk::draft("error-string", "error is a string (mostlygeek/llama-swap #1037)", |draft| {
        error(draft, |body| *body = json!({"error": "the request is not valid"}));
    }),
    Quirk::draft("error-traceback", "errors with a stack trace", |draft| {
        error(draft, |body| {
            let trace = "Traceback (most recent call last):\n  File \"/app/main.py\", line 3, in handler";
            set(body, "/error/message", trace);
            set(body, "/detail", trace);
        });
    }),
];
