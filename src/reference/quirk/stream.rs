//! Quirks of streams: chunks that contradict one another, and framing that is not what the standard says.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::wire::{Kind, Transcript, Write};
use super::{Quirk, chunks, finishing, insert_behind, put, remove, set, with_text};

pub(super) const QUIRKS: &[Quirk] = &[
    Quirk::transcript("no-content-type", "a stream without content type (sigoden/aichat #651)", |transcript| {
        if transcript.kind == Kind::Stream {
            header(transcript, "content-type", "");
        }
    }),
    Quirk::transcript("raw-line", "a line that is no field in the stream", |transcript| {
        inject(transcript, 1, b"oops, a log line\n");
    }),
    Quirk::transcript("invalid-utf8-comment", "a comment that is no UTF-8", |transcript| {
        inject(transcript, 1, b": \xff\xfe\n\n");
    }),
    Quirk::transcript(
        "comments",
        "comments between events, as OpenRouter sends (openai/openai-go #227)",
        |transcript| {
            inject(transcript, 1, b": OPENROUTER PROCESSING\n\n");
        },
    ),
    Quirk::transcript("mixed-line-endings", "one event ends its lines in CRLF", |transcript| {
        if let Some(write) = nth_event(transcript, 1) {
            write.bytes = String::from_utf8_lossy(&write.bytes).replace('\n', "\r\n").into_bytes();
        }
    }),
    Quirk::transcript("cr-line-endings", "all lines end in CR", |transcript| {
        if transcript.kind == Kind::Stream {
            for write in &mut transcript.writes {
                write.bytes.iter_mut().filter(|byte| **byte == b'\n').for_each(|byte| *byte = b'\r');
            }
        }
    }),
    Quirk::transcript("broken-chunk", "one event is cut in the middle of its JSON", |transcript| {
        if let Some(write) = nth_event(transcript, 2) {
            let half = write.bytes.len() / 2;
            write.bytes.truncate(half);
            write.bytes.extend_from_slice(b"\n\n");
        }
    }),
    Quirk::transcript("no-done", "no [DONE] (vllm-project/vllm #52852)", |transcript| {
        if transcript.kind == Kind::Stream {
            transcript.writes.pop();
        }
    }),
    Quirk::transcript("chunk-after-done", "a chunk after [DONE]", |transcript| {
        if transcript.kind == Kind::Stream && transcript.writes.len() > 1 {
            let last = transcript.writes[transcript.writes.len() - 2].bytes.clone();
            let empty = String::from_utf8_lossy(&last).replace("\"finish_reason\":\"", "\"was\":\"").into_bytes();
            push(transcript, empty);
        }
    }),
    Quirk::transcript("buffered", "the whole stream at once at its end (BerriAI/litellm PR#29557)", |transcript| {
        let last = transcript.writes.last().map(|write| write.at).unwrap_or_default();
        if transcript.kind == Kind::Stream {
            transcript.writes.iter_mut().for_each(|write| write.at = last);
        }
    }),
    Quirk::transcript("byte-by-byte", "one byte of the first events at a time", |transcript| {
        if transcript.kind == Kind::Stream {
            let head = transcript.writes.len().min(3);
            let events: Vec<Write> = transcript.writes.drain(..head).collect();
            let bytes = events
                .into_iter()
                .flat_map(|write| write.bytes.into_iter().map(move |byte| Write { at: write.at, bytes: vec![byte] }));
            let bytes: Vec<Write> = bytes.collect();
            transcript.writes.splice(0..0, bytes);
        }
    }),
    Quirk::transcript("glued", "the role and the first token in one write (llama.cpp)", |transcript| {
        if transcript.kind == Kind::Stream && transcript.writes.len() > 2 {
            let second = transcript.writes.remove(1);
            transcript.writes[0].bytes.extend_from_slice(&second.bytes);
            transcript.writes[0].at = second.at;
        }
    }),
    Quirk::transcript("early-role", "the role at once, long before the first token", |transcript| {
        if let Some(write) = nth_event(transcript, 0) {
            write.at = Duration::ZERO;
        }
    }),
    Quirk::transcript("pings", "a comment every 5 ms until the first token (llama.cpp)", |transcript| {
        let first = transcript.writes.first().map(|write| write.at).unwrap_or_default();
        if transcript.kind == Kind::Stream {
            let count = u32::try_from(first.as_millis() / 5).unwrap_or(0);
            let ping = |n| Write { at: Duration::from_millis(5) * n, bytes: b":ping\n\n".to_vec() };
            transcript.writes.splice(0..0, (0..count).map(ping));
        }
    }),
    Quirk::draft("chunk-usage-string", "usage of a chunk is a string", |draft| {
        chunks(draft, |_, chunk| put(chunk, "", "usage", "none"));
    }),
    Quirk::draft("id-per-chunk", "another id in each chunk (BerriAI/litellm #1571)", |draft| {
        let number = draft.number;
        chunks(draft, |n, chunk| set(chunk, "/id", format!("chatcmpl-{number}-{n}")));
    }),
    Quirk::draft("created-per-chunk", "created moves on during a stream (ollama/ollama PR#15088)", |draft| {
        chunks(draft, |n, chunk| {
            let created = chunk["created"].as_u64().unwrap_or(0) + n as u64;
            set(chunk, "/created", created);
        });
    }),
    Quirk::draft("model-per-chunk", "the last chunk names another model", |draft| {
        let last = draft.bodies.len().saturating_sub(1);
        chunks(draft, |n, chunk| {
            if n == last {
                let name = format!("{}-2026", chunk["model"].as_str().unwrap_or_default());
                set(chunk, "/metadata/model/namespace", name.as_str());
                set(chunk, "/model", name);
            }
        });
    }),
    Quirk::draft(
        "azure-first-chunk",
        "a first chunk without choice, id and model (Azure/azure-sdk-for-go #21086)",
        |draft| {
            if draft.kind == Kind::Stream {
                let at = draft.due[0];
                draft.bodies.insert(0, json!({"choices": [], "created": 0, "id": "", "model": "", "object": "", "prompt_filter_results": []}));
                draft.due.insert(0, at);
            }
        },
    ),
    Quirk::draft("no-role", "no delta has a role", |draft| {
        chunks(draft, |_, chunk| remove(chunk, "/choices/0/delta", "role"));
    }),
    Quirk::draft("no-finish", "no chunk has a finish_reason (vllm-project/vllm #27572)", |draft| {
        chunks(draft, |_, chunk| set(chunk, "/choices/0/finish_reason", Value::Null));
    }),
    Quirk::draft("finish-twice", "two chunks finish the choice (sgl-project/sglang PR#8417)", |draft| {
        if let Some(number) = finishing(draft) {
            let mut again = draft.bodies[number].clone();
            remove(&mut again, "", "usage");
            remove(&mut again, "", "metadata");
            insert_behind(draft, number, again);
        }
    }),
    Quirk::draft("content-after-finish", "a word after the finish_reason", |draft| {
        if let (Some(number), Some(word)) = (finishing(draft), with_text(draft).last().copied()) {
            let late = draft.bodies[word].clone();
            insert_behind(draft, number, late);
        }
    }),
    Quirk::draft("index-99", "the choice's index counts up (microsoft/foundry-local #144)", |draft| {
        if !with_text(draft).is_empty() {
            chunks(draft, |n, chunk| set(chunk, "/choices/0/index", n));
        }
    }),
    Quirk::draft("says-nothing", "a stream without a word (diegosouzapw/OmniRoute PR#8210)", |draft| {
        chunks(draft, |_, chunk| {
            if chunk.pointer("/choices/0/delta").is_some() {
                set(chunk, "/choices/0/delta", json!({"role": "assistant", "content": ""}));
            }
        });
    }),
    Quirk::draft("inband-error", "an error event in the middle of the stream (ggml-org/llama.cpp #14566)", |draft| {
        if let Some(number) = with_text(draft).get(2).copied() {
            insert_behind(
                draft,
                number,
                json!({"error": {"message": "upstream died", "type": "server_error", "param": null, "code": null}}),
            );
        }
    }),
    Quirk::draft("reasoning", "the answer begins with reasoning", |draft| {
        let text = with_text(draft);
        let half = text.len() / 2;
        for number in &text[..half] {
            let delta = draft.bodies[*number].pointer_mut("/choices/0/delta").map(Value::take);
            if let Some(delta) = delta {
                set(&mut draft.bodies[*number], "/choices/0/delta", json!({"reasoning_content": delta["content"]}));
            }
        }
    }),
];

pub(super) fn header(transcript: &mut Transcript, name: &'static str, value: &str) {
    transcript.headers.retain(|(known, _)| *known != name);
    transcript.headers.push((name, value.to_owned()));
}

fn nth_event(transcript: &mut Transcript, number: usize) -> Option<&mut Write> {
    if transcript.kind == Kind::Stream { transcript.writes.get_mut(number) } else { None }
}

/// Bytes of a stream behind the event of that number.
fn inject(transcript: &mut Transcript, number: usize, bytes: &[u8]) {
    if let Some(write) = nth_event(transcript, number) {
        write.bytes.extend_from_slice(bytes);
    }
}

fn push(transcript: &mut Transcript, bytes: Vec<u8>) {
    let at = transcript.writes.last().map(|write| write.at).unwrap_or_default();
    transcript.writes.push(Write { at, bytes });
}
