//! Values of requests that OpenAI does not publish and servers that follow its API take: they are worth a warning, and
//! no fault of the profile.

use serde_json::Value;

use crate::wire::Contract;
use crate::wire::schema::Violation;

/// Members whose list of values is longer at one server or another, as pointers with `*` for any index: Groq and Qwen
/// have a `reasoning_effort` of `default`, Mistral a `tool_choice` of `any`, vLLM parts of kind `video_url` and
/// `audio_url`, Groq service tiers of `on_demand` and `performance`, `OpenRouter` a modality of `image`, Moonshot tools of
/// type `builtin_function`, vLLM and llama.cpp response formats of their own.
const OPEN: [&str; 8] = [
    "/reasoning_effort",
    "/service_tier",
    "/verbosity",
    "/tool_choice",
    "/modalities/*",
    "/response_format/type",
    "/tools/*/type",
    "/messages/*/content/*/type",
];

/// Types of tools that OpenAI publishes; one of another type has members of its own.
const TOOLS: [&str; 2] = ["function", "custom"];

/// Whether what breaks the schema of a request is a value that some server of the kind may take.
pub(super) fn may_take(contract: &Contract, body: &Value, violation: &Violation) -> bool {
    if !contract.facts.open_values {
        return false;
    }
    let at = |pointer: &str| body.pointer(pointer).and_then(Value::as_str);
    let step = |step: &str| if step.parse::<u64>().is_ok() { "*".to_owned() } else { step.to_owned() };
    let place = violation.pointer.split('/').map(step).collect::<Vec<_>>().join("/");
    let unpublished_tool = || at(&format!("{}/type", violation.pointer)).is_some_and(|kind| !TOOLS.contains(&kind));
    match violation.keyword.as_str() {
        "enum" => OPEN.contains(&place.as_str()) && at(&violation.pointer).is_some(),
        "required" => place == "/tools/*" && unpublished_tool(),
        _ => false,
    }
}

/// The warning.
pub(super) fn note(case: &str, contract: &Contract, violation: &Violation) -> String {
    format!(
        "{case}{}: {}, as the {contract} dialect has it; it is sent all the same, since other servers may take it \
         (unchecked = true in the case says that it is meant)",
        violation.pointer, violation.message
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::contracts;
    use super::*;

    fn refused(contract: &Contract, members: Value) -> Vec<String> {
        let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
        if let (Some(body), Value::Object(members)) = (body.as_object_mut(), members) {
            body.extend(members);
        }
        let violations = contract.request().violations(&body);
        assert!(!violations.is_empty(), "{body}");
        let refused = violations.into_iter().filter(|violation| !may_take(contract, &body, violation));
        refused.map(|violation| format!("{} {}", violation.pointer, violation.keyword)).collect()
    }

    #[test]
    fn what_kin_take_is_no_fault_in_the_tolerant_dialect_alone() {
        let openai = contracts::find("openai").expect("a dialect");
        let strict = contracts::find("openai-strict").expect("a dialect");
        let part = json!([{"role": "user", "content": [{"type": "video_url", "video_url": {"url": "https://e.x/v"}}]}]);
        for members in [
            json!({"reasoning_effort": "default"}),
            json!({"service_tier": "on_demand"}),
            json!({"tool_choice": "any"}),
            json!({"modalities": ["image", "text"]}),
            json!({"response_format": {"type": "grammar", "grammar": "root"}}),
            json!({"tools": [{"type": "builtin_function", "name": "search"}]}),
            json!({"messages": part}),
        ] {
            assert_eq!(refused(&openai, members.clone()), [""; 0], "{members}");
            assert_ne!(refused(&strict, members.clone()), [""; 0], "{members}");
        }
    }

    #[test]
    fn what_no_server_takes_is_a_fault() {
        let openai = contracts::find("openai").expect("a dialect");
        for (members, place) in [
            (json!({"reasoning_effort": 3}), "/reasoning_effort type"),
            (json!({"messages": [{"role": "usr", "content": "hi"}]}), "/messages/0/role enum"),
            (json!({"tools": [{"type": "function"}]}), "/tools/0 required"),
            (json!({"temperature": "hot"}), "/temperature type"),
        ] {
            assert!(refused(&openai, members.clone()).contains(&place.to_owned()), "{members}");
        }
    }
}
