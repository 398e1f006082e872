//! Calls of tools in messages and deltas.

use crate::json::{At, Members, Value};

/// A call of a whole reply, or a piece of one in a delta.
#[derive(Debug, Clone, Copy)]
pub struct CallPiece<'v>(&'v Value);

impl<'v> CallPiece<'v> {
    /// The calls of a message or a delta, a single object read as a list of one (a fault that a rule reports).
    pub(super) fn all_of(message: &'v Value) -> impl Iterator<Item = CallPiece<'v>> {
        let calls = match message.member("tool_calls") {
            Some(calls @ Value::Object(_)) => std::slice::from_ref(calls),
            Some(calls) => calls.as_array().map_or(&[][..], Vec::as_slice),
            None => &[],
        };
        calls.iter().map(CallPiece)
    }

    /// Which call of its choice it belongs to, where it says so with a non-negative integer.
    pub fn index(self) -> Option<u64> {
        self.0.member("index").and_then(Value::as_u64)
    }

    /// The `id`, where it is a string.
    pub fn id(self) -> Option<&'v str> {
        self.0.member("id").and_then(Value::as_str)
    }

    /// The `type`, where it is a string.
    pub fn kind(self) -> Option<&'v str> {
        self.0.member("type").and_then(Value::as_str)
    }

    /// Name and arguments of a function, or name and input of a custom tool, where they are strings.
    pub fn called(self) -> [Option<&'v str>; 2] {
        let custom = self.0.member("custom").filter(|_| self.0.member("function").is_none());
        let called = match custom {
            Some(custom) => [custom.member("name"), custom.member("input")],
            None => [self.0.at("/function/name"), self.0.at("/function/arguments")],
        };
        called.map(|value| value.and_then(Value::as_str))
    }
}

/// Name and arguments of the deprecated `function_call` of a message or a delta, where there is one.
pub(super) fn function_call(message: &Value) -> Option<[Option<&str>; 2]> {
    message.member("function_call").filter(|call| call.is_object())?;
    Some(["/function_call/name", "/function_call/arguments"].map(|path| message.at(path).and_then(Value::as_str)))
}

#[cfg(test)]
mod tests {
    use crate::json::made;

    use super::*;

    #[test]
    fn calls_of_functions_and_of_custom_tools_are_read() {
        let message = made!({"tool_calls": [
            {"index": 1, "id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}},
            {"type": "custom", "custom": {"name": "c", "input": "x"}}, {"function": {"name": 7}}, null]});
        let read: Vec<_> = CallPiece::all_of(&message).map(|call| (call.index(), call.id(), call.called())).collect();
        let none = (None, None, [None, None]);
        let (function, custom) = ([Some("f"), Some("{}")], [Some("c"), Some("x")]);
        assert_eq!(read, [(Some(1), Some("a"), function), (None, None, custom), none, none]);
        let single = made!({"tool_calls": {"type": "function"}});
        assert_eq!(CallPiece::all_of(&single).map(CallPiece::kind).collect::<Vec<_>>(), [Some("function")]);
        for message in [made!({}), made!({"tool_calls": null}), made!({"tool_calls": "f"})] {
            assert_eq!(CallPiece::all_of(&message).count(), 0, "{message}");
        }
    }

    #[test]
    fn legacy_calls_are_read() {
        assert_eq!(function_call(&made!({"function_call": {"name": "f"}})), Some([Some("f"), None]));
        assert_eq!(function_call(&made!({"function_call": null})), None);
    }
}
