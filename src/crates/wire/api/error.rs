//! An error in place of an answer, in every shape in which servers send one with status 200.
//!
//! [`error_in`] is the only place that decides it: outcomes, rules and the text of "what went wrong" ask it.
//!
//! | shape | seen from |
//! |---|---|
//! | `{"error": {"message": ..}}`, `{"error": "text"}` | OpenAI's published error; Hugging Face TGI |
//! | `{"object": "error", "message": ..}` | vLLM before 0.10, runpod-workers/worker-vllm #57 |
//! | `{"type": "error", "message": ..}` | OpenAI's published `ResponseErrorEvent` |
//! | `{"code": .., "message": ..}` | Alibaba Cloud Model Studio, `SiliconFlow`, Google's `Status` |
//! | `{"error_code": .., "error_msg": ..}` | Baidu Qianfan |
//! | `{"base_resp": {"status_code": 1004, "status_msg": ..}}` | `MiniMax` |
//! | `{"detail": "text"}`, `{"detail": [{"msg": ..}]}` | FastAPI; RFC 9457 (problem details) |
//! | `{"title": .., "status": 503}` | RFC 9457 |
//! | `{"success": false, "errors": [{"message": ..}]}` | Cloudflare's API |
//! | `{"errors": [..]}` | JSON:API, `GraphQL` gateways |
//! | `{"status": "error", "message": ..}`, `{"status": 500, "message": ..}` | Spring, `JSend` |
//! | `{"message": "text"}` and nothing else of a completion | AWS API Gateway, Kong |
//! | `{"choices": [{"error": {..}}]}` | `OpenRouter` |
//! | any of them as an item of a list | Google's `OpenAI`-compatible endpoint |

use super::reply::choices;
use crate::json::{Members, Value};

/// Where a value was found, which decides what an empty `error` means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The whole body of a reply. An `error` of nothing but nulls and empty texts beside choices says that there was no
    /// error, and OpenAI's clients take such a reply as a success (BerriAI/litellm #18407).
    Body,
    /// An event without a name, or named `message` or `error`. OpenAI's clients raise at any `error` that is neither
    /// null nor an empty text, also at one whose members are all empty.
    Event,
    /// An event with another name, which clients do not read as a chunk: its `error` counts, other shapes do not.
    NamedEvent,
}

/// An error that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct ErrorFound<'v> {
    /// JSON pointer of what says so: `/error`, `/detail`, or empty where the whole value is the error.
    pub pointer: String,
    /// The value there.
    pub value: &'v Value,
}

impl<'v> ErrorFound<'v> {
    fn at(pointer: &str, value: &'v Value) -> ErrorFound<'v> {
        ErrorFound { pointer: pointer.to_owned(), value }
    }

    fn below(self, parent: &str) -> ErrorFound<'v> {
        ErrorFound { pointer: format!("{parent}{}", self.pointer), ..self }
    }

    /// What the server says of it, where it says anything in words.
    pub fn message(&self) -> Option<&'v str> {
        text_of(self.value)
    }

    /// The message, or the error itself where it has none.
    pub fn in_words(&self) -> String {
        match self.message() {
            Some(message) => message.to_owned(),
            None if says_something(self.value) => self.value.to_string(),
            None => "an error without a message".to_owned(),
        }
    }
}

/// The error that a value is in place of an answer, or that stands beside an answer.
///
/// A right completion or chunk is none: beside choices, only `error` and an `error` of a choice count, and a member that
/// is null, false, 0 or empty says nothing.
pub fn error_in(value: &Value, place: Place) -> Option<ErrorFound<'_>> {
    match value {
        Value::Object(_) => in_object(value, place),
        Value::Array(items) => items.iter().enumerate().find_map(|(number, item)| {
            let found = item.is_object().then(|| in_object(item, place))??;
            Some(found.below(&format!("/{number}")))
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// Whether a body is an error and no completion: it has no choices.
pub fn is_error_body(body: &Value) -> bool {
    choices(body).is_empty() && error_in(body, Place::Body).is_some()
}

/// The words of an error body of whatever shape.
pub fn error_text(body: &Value) -> Option<&str> {
    error_in(body, Place::Body)?.message()
}

fn in_object(object: &Value, place: Place) -> Option<ErrorFound<'_>> {
    let choices = choices(object);
    if let Some(error) = object.member("error") {
        let is_empty =
            if place == Place::Body && !choices.is_empty() { !says_something(error) } else { is_falsy(error) };
        if !is_empty {
            return Some(ErrorFound::at("/error", error));
        }
    }
    let in_choice = choices.iter().enumerate().find_map(|(number, choice)| {
        let error = choice.member("error").filter(|error| says_something(error))?;
        Some(ErrorFound::at(&format!("/choices/{number}/error"), error))
    });
    if place == Place::NamedEvent || !choices.is_empty() { in_choice } else { bare(object, place) }
}

/// An error object that has no `error` member and no choices beside it.
fn bare(object: &Value, place: Place) -> Option<ErrorFound<'_>> {
    let text = |name: &str| object.get(name).and_then(Value::as_str);
    let is_false = |name: &str| object.get(name).and_then(Value::as_bool) == Some(false);
    for name in ["detail", "errors"] {
        if let Some(value) = object.get(name).filter(|value| says_something(value)) {
            return Some(ErrorFound::at(&format!("/{name}"), value));
        }
    }
    let base = object.member("base_resp").filter(|base| base.member("status_code").is_some_and(says_something));
    if let Some(base) = base {
        return Some(ErrorFound::at("/base_resp", base));
    }
    let is_called_error = text("object") == Some("error")
        || text("type") == Some("error")
        || is_false("success")
        || is_false("ok")
        || ["error_code", "error_msg"].into_iter().all(|name| object.get(name).is_some_and(says_something));
    (is_called_error || (is_failed(object) && own_words(object)) || (place == Place::Body && is_only_words(object)))
        .then(|| ErrorFound::at("", object))
}

/// Whether a `code` or a `status` says that something failed: neither null, nor 0, nor a code or a word of success.
fn is_failed(object: &Value) -> bool {
    let code = object.member("code").is_some_and(|code| match code {
        Value::Number(_) => code.as_f64().is_some_and(|code| code != 0.0 && !(200.0..300.0).contains(&code)),
        Value::String(word) => !["", "0", "200", "ok", "success"].contains(&word.to_ascii_lowercase().as_str()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
    });
    let status = ["status", "statusCode", "status_code"].into_iter().filter_map(|name| object.get(name));
    code || status.into_iter().any(|status| match status.as_str() {
        Some(word) => ["error", "fail", "failed", "failure"].contains(&word.to_ascii_lowercase().as_str()),
        None => status.as_f64().is_some_and(|status| (400.0..600.0).contains(&status)),
    })
}

/// Names under which an error has its words; the first that has some counts.
const WORDS: [&str; 14] = [
    "message",
    "msg",
    "Message",
    "error_msg",
    "error_message",
    "errorMessage",
    "status_msg",
    "detail",
    "title",
    "reason",
    "description",
    "error",
    "errors",
    "raw",
];

/// Whether an object has words of its own.
fn own_words(object: &Value) -> bool {
    let said = |name: &&str| object.get(name).and_then(Value::as_str).is_some_and(|text| !text.trim().is_empty());
    WORDS[..11].iter().any(said)
}

/// Whether an object is a message and nothing of a completion: flat, and with no name that an answer has.
fn is_only_words(object: &Value) -> bool {
    let Value::Object(members) = object else { return false };
    let is_message = |name: &str| matches!(name, "message" | "Message" | "msg");
    let is_beside = |name: &str| {
        let name = name.to_ascii_lowercase().replace(['_', '-'], "");
        matches!(name.as_str(), "requestid" | "traceid" | "timestamp" | "path" | "errortype" | "type")
    };
    own_words(object)
        && members.keys().any(is_message)
        && members.iter().all(|(name, value)| {
            (is_message(name) && value.is_string()) || (is_beside(name) && !value.is_object() && !value.is_array())
        })
}

/// What every client takes as no error.
fn is_falsy(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(_) => value.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(_) | Value::Object(_) => false,
    }
}

/// Whether a value has anything in it but nulls, falses, zeros and empty texts.
fn says_something(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(says_something),
        Value::Object(members) => members.values().any(says_something),
        Value::String(text) => !text.trim().is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) => !is_falsy(value),
    }
}

/// The first words in an error: itself, one of its [`WORDS`], or those of its first item that has some.
fn text_of(error: &Value) -> Option<&str> {
    match error {
        Value::String(text) => Some(text.as_str()).filter(|text| !text.trim().is_empty()),
        Value::Array(items) => items.iter().find_map(text_of),
        Value::Object(_) => WORDS.iter().find_map(|name| text_of(error.get(name)?)),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::json::made;

    use super::*;

    fn found(value: &Value, place: Place) -> Option<(String, Option<String>)> {
        error_in(value, place).map(|found| (found.pointer.clone(), found.message().map(str::to_owned)))
    }

    #[test]
    fn every_shape_is_an_error_with_its_words_whole_and_in_an_event() {
        for (body, pointer) in [
            (made!({"error": {"message": "no", "type": "t", "param": null, "code": null}}), "/error"),
            (made!({"error": "no", "error_type": "overloaded"}), "/error"),
            (made!({"error": ["no"]}), "/error"),
            (made!({"choices": null, "id": null, "error": {"message": "no", "code": 502}}), "/error"),
            (made!({"choices": [], "error": {"message": "no"}}), "/error"),
            (made!({"choices": [{"index": 0, "delta": {}}], "error": {"msg": "no"}}), "/error"),
            (made!({"choices": [{"index": 0, "error": {"message": "no"}, "finish_reason": null}]}), "/choices/0/error"),
            (made!({"object": "error", "message": "no", "type": "NotFoundError", "code": 404}), ""),
            (made!({"type": "error", "code": null, "message": "no", "param": null}), ""),
            (made!({"code": "InvalidApiKey", "message": "no", "request_id": "r"}), ""),
            (made!({"code": 20012, "message": "no", "data": null}), ""),
            (made!({"error_code": 336_003, "error_msg": "no", "id": "r"}), ""),
            (made!({"base_resp": {"status_code": 1004, "status_msg": "no"}, "choices": null}), "/base_resp"),
            (made!({"detail": "no"}), "/detail"),
            (made!({"detail": [{"loc": ["body"], "msg": "no", "type": "t"}]}), "/detail"),
            (made!({"title": "no", "status": 503, "type": "about:blank"}), ""),
            (made!({"success": false, "errors": [{"code": 7003, "message": "no"}], "result": null}), "/errors"),
            (made!({"success": false, "message": "no"}), ""),
            (made!({"errors": ["no"]}), "/errors"),
            (made!({"status": "error", "message": "no"}), ""),
            (made!({"status": 500, "error": "no", "path": "/v1/chat/completions"}), "/error"),
            (made!([{"error": {"code": 400, "message": "no"}}]), "/0/error"),
            (made!([{"x": 1}, {"detail": "no"}]), "/1/detail"),
        ] {
            for place in [Place::Body, Place::Event] {
                let expected = Some((pointer.to_owned(), Some("no".to_owned())));
                assert_eq!(found(&body, place), expected, "{place:?} {body}");
            }
        }
        for body in [made!({"message": "no"}), made!({"message": "no", "request_id": "r"})] {
            assert_eq!(found(&body, Place::Body), Some((String::new(), Some("no".to_owned()))), "{body}");
            assert_eq!(found(&body, Place::Event), None, "{body}");
        }
    }

    #[test]
    fn an_answer_and_what_is_neither_are_no_error() {
        for body in [
            made!({"choices": [{"index": 0, "message": {"content": "a"}}], "error": null, "detail": "high"}),
            made!({"choices": [{"index": 0, "delta": {}, "error": null}], "code": 7, "message": "made by a gateway"}),
            made!({"choices": [], "usage": {"prompt_tokens": 1}, "object": "chat.completion.chunk"}),
            made!({"choices": [{"index": 0, "delta": {"content": "a"}}], "base_resp": {"status_code": 0, "status_msg": ""}}),
            made!({"code": 0, "message": "success", "data": {"x": 1}}),
            made!({"code": 200, "msg": "ok", "data": {}}),
            made!({"object": "list", "data": []}),
            made!({"status": "ok"}),
            made!({"message": {"role": "assistant", "content": "a"}, "done": true}),
            made!({"message": "warming up", "progress": {"of": 1}}),
            made!({"error": null}),
            made!({"error": ""}),
            made!({"error": false}),
            made!({"detail": null}),
            made!({"errors": []}),
            made!({"type": "ping"}),
            made!([]),
            made!(["no"]),
            made!("no"),
            made!(null),
        ] {
            for place in [Place::Body, Place::Event, Place::NamedEvent] {
                assert_eq!(found(&body, place), None, "{place:?} {body}");
            }
        }
    }

    #[test]
    fn an_empty_error_is_one_in_a_stream_and_where_no_answer_is_beside_it() {
        for error in [made!({}), made!({"message": "", "type": "", "param": "", "code": null})] {
            let beside = made!({"choices": [{"index": 0, "message": {"content": "a"}}], "error": error});
            assert_eq!(found(&beside, Place::Body), None);
            assert_eq!(found(&beside, Place::Event), Some(("/error".to_owned(), None)));
            let alone = made!({"error": error});
            assert_eq!(found(&alone, Place::Body), Some(("/error".to_owned(), None)));
            let said = error_in(&alone, Place::Body).map(|found| found.in_words());
            assert_eq!(said.as_deref(), Some("an error without a message"));
        }
    }

    #[test]
    fn an_event_with_a_name_of_its_own_is_an_error_by_its_error_member_only() {
        let words = Some(("/error".to_owned(), Some("no".to_owned())));
        assert_eq!(found(&made!({"error": {"message": "no"}}), Place::NamedEvent), words);
        for body in [made!({"code": 3, "message": "loading"}), made!({"detail": "loading"})] {
            assert_eq!(found(&body, Place::NamedEvent), None, "{body}");
        }
    }

    #[test]
    fn an_error_without_words_is_quoted() {
        let body = made!({"error": {"code": 502}});
        assert_eq!(error_in(&body, Place::Body).map(|found| found.in_words()).as_deref(), Some("{\"code\":502}"));
        assert_eq!(error_text(&body), None);
        assert_eq!(error_text(&made!({"error": null, "detail": "no"})), Some("no"));
    }
}
