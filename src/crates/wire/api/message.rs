//! Messages of a conversation, as requests carry them.

use serde_json::{Map, Value, json};

/// A message of the user: a text, or a list of parts.
pub fn of_user(content: impl Into<Value>) -> Value {
    json!({"role": "user", "content": content.into()})
}

/// A message of any role.
pub fn of(role: &str, text: &str) -> Value {
    json!({"role": role, "content": text})
}

/// Whether the user says it.
pub fn is_of_user(message: &Value) -> bool {
    message["role"] == "user"
}

/// Whether it is an answer of the model.
pub fn is_answer(message: &Value) -> bool {
    message["role"] == "assistant"
}

/// The messages of a body, which gets none where it has no such member; none where they are no list.
pub fn all_of(body: &mut Map<String, Value>) -> Option<&mut Vec<Value>> {
    body.entry("messages").or_insert_with(|| json!([])).as_array_mut()
}

/// Puts parts, such as images, behind the text of the last message, a new one of the user where it is another's.
pub fn add_parts(messages: &mut Vec<Value>, parts: Vec<Value>) {
    if messages.last().is_none_or(|last| !is_of_user(last)) {
        messages.push(of_user(json!([])));
    }
    if let Some(content) = messages.last_mut().map(|last| &mut last["content"]) {
        if let Value::String(text) = content {
            *content = json!([{"type": "text", "text": text}]);
        }
        if let Value::Array(content) = content {
            content.extend(parts);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_go_behind_the_text_of_the_last_message_of_the_user() {
        let part = || vec![json!({"type": "image_url"})];
        let mut messages = vec![of_user("look")];
        add_parts(&mut messages, part());
        assert_eq!(messages, [of_user(json!([{"type": "text", "text": "look"}, {"type": "image_url"}]))]);
        let mut messages = vec![of("system", "be brief")];
        add_parts(&mut messages, part());
        assert_eq!(messages, [of("system", "be brief"), of_user(json!([{"type": "image_url"}]))]);
    }

    #[test]
    fn a_body_gets_messages_unless_it_has_something_else_there() {
        let body = |value: Value| value.as_object().cloned().unwrap_or_default();
        assert_eq!(all_of(&mut body(json!({}))).map(|all| all.len()), Some(0));
        assert_eq!(all_of(&mut body(json!({"messages": [1]}))).map(|all| all.len()), Some(1));
        assert!(all_of(&mut body(json!({"messages": "hi"}))).is_none());
    }
}
