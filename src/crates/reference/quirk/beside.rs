//! Quirks of Pulze's request headers, and of the pages that stand beside the endpoint.

use hyper::http::request::Parts;
use serde_json::{Map, Value, json};

use super::http::{instead, refuse as refuse_page};
use super::request::refuse;
use super::{MADE_UP, Quirk, each, set};

pub(super) const QUIRKS: &[Quirk] = &[
    Quirk::head("bad-labels-ignored", "labels that are no JSON object are passed over", MADE_UP, |head, _| {
        if header(head, "pulze-labels").is_some_and(|text| serde_json::from_str::<Map<String, Value>>(text).is_err()) {
            head.headers.remove("pulze-labels");
        }
    }),
    Quirk::draft("weights-unlabelled", "the weights do not stand among the labels", MADE_UP, |draft| {
        each(draft, |reply| {
            if let Some(labels) = reply.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
                labels.retain(|name, _| !name.starts_with("weights_"));
            }
        });
    }),
    Quirk::page("feature-flags-refused", "who sends feature flags is refused", MADE_UP, |transcript, head| {
        if head.headers.contains_key("pulze-feature-flags") {
            refuse_page(transcript, 422, "no such header is known");
        }
    }),
    Quirk::head("privacy-ignored", "what is to be private is stored", MADE_UP, |head, _| {
        if header(head, "pulze-policies").is_some_and(|text| text.contains("privacy_level")) {
            head.headers.remove("pulze-policies");
        }
    }),
    Quirk::answer("router-unresolved", "the router answers under its own name", MADE_UP, |draft, asked| {
        if matches!(asked.get("model").and_then(Value::as_str), None | Some("pulze")) {
            each(draft, |reply| {
                set(reply, "/model", "pulze");
                set(reply, "/metadata/model/namespace", "pulze");
            });
        }
    }),
    Quirk::answer("plugins-500", "a request with plugins is answered with 500", MADE_UP, |draft, asked| {
        if asked.get("plugins").is_some() {
            refuse(draft, 500, "no plugin answers");
        }
    }),
    Quirk::page("log-of-another", "the log of an answer has another request in it", MADE_UP, |transcript, head| {
        if has(head, "/logs/") && transcript.status == 200 {
            instead(transcript, &json!({"request": {"messages": [{"role": "user", "content": "another question"}]}}));
        }
    }),
    Quirk::page("rank-of-others", "the ranking has none of the models that answer", MADE_UP, |transcript, head| {
        if has(head, "/models/rank") {
            instead(transcript, &json!({"models": [{"namespace": "another/model", "score": 1.0}]}));
        }
    }),
    Quirk::page("prices-off", "the price list asks a dollar a token", MADE_UP, |transcript, head| {
        if has(head, "/apps/") {
            let price = |namespace: &str| json!({"namespace": namespace, "prompt_token_cost": 1.0, "completion_token_cost": 1.0, "base_cost": 0.0});
            instead(transcript, &json!(["openai/gpt-4o", "openai/gpt-4o-mini"].map(price)));
        }
    }),
];

/// Whether the path of a request has these words.
fn has(head: &Parts, words: &str) -> bool {
    head.uri.path().contains(words)
}

fn header<'h>(head: &'h Parts, name: &str) -> Option<&'h str> {
    head.headers.get(name)?.to_str().ok()
}
