//! The tools that a request offers, and which of them it wants called.

use serde_json::Value;

use super::request::{flag, inner, member};

/// A tool that the request offers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tool<'v> {
    /// Its name.
    pub name: &'v str,
    /// What it is said to do.
    pub description: Option<&'v str>,
    /// JSON Schema of a function's arguments, where given.
    pub parameters: Option<&'v Value>,
    /// Whether the arguments must match that schema exactly (`strict`, openai only).
    pub strict: bool,
    /// What a custom tool takes (openai only); a function takes arguments instead.
    pub input: Option<Input<'v>>,
}

/// What a custom tool takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input<'v> {
    /// Any text.
    Text,
    /// A text that a regular expression matches, in the syntax of Rust's.
    Regex(&'v str),
    /// A text of a grammar in Lark's notation, or in one that is not known.
    Grammar(&'v str),
}

/// Which tool the request wants called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ToolChoice<'v> {
    /// Not said, or `auto`: the model decides.
    #[default]
    Auto,
    /// None may be called.
    None,
    /// At least one must be called.
    Required,
    /// This one must be called.
    Named(&'v str),
}

impl<'v> Tool<'v> {
    /// Reads a tool; none where it has no name.
    pub fn of(tool: &'v Value) -> Option<Tool<'v>> {
        let function = member(tool, "function");
        let custom = member(tool, "custom").filter(|_| function.is_none());
        let about = function.or(custom)?;
        Some(Tool {
            name: member(about, "name")?.as_str()?,
            description: member(about, "description").and_then(Value::as_str),
            parameters: function.and_then(|function| member(function, "parameters")).filter(|p| p.is_object()),
            strict: function.is_some_and(|function| flag(member(function, "strict"))),
            input: custom.map(input),
        })
    }
}

fn input(custom: &Value) -> Input<'_> {
    let grammar = |name| inner(custom, &["format", "grammar", name]).and_then(Value::as_str);
    match (grammar("syntax"), grammar("definition")) {
        (Some("regex"), Some(pattern)) => Input::Regex(pattern),
        (_, Some(definition)) => Input::Grammar(definition),
        (_, None) => Input::Text,
    }
}

/// The name in a choice of a tool or in a list of them: that of a function, or of a custom tool.
pub fn tool_name(tool: &Value) -> Option<&str> {
    let about = member(tool, "function").or_else(|| member(tool, "custom"))?;
    member(about, "name")?.as_str()
}

impl<'v> ToolChoice<'v> {
    /// Reads the member `tool_choice`.
    pub(super) fn of(choice: Option<&'v Value>) -> ToolChoice<'v> {
        let Some(choice) = choice else { return ToolChoice::Auto };
        match choice.as_str() {
            Some("none") => ToolChoice::None,
            Some("required") => ToolChoice::Required,
            Some(_) => ToolChoice::Auto,
            None => tool_name(choice).map_or(ToolChoice::Auto, ToolChoice::Named),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::request::ChatRequest;
    use super::*;

    #[test]
    fn reads_functions() {
        let body = json!({"tools": [{"type": "function", "function": {"name": "f", "parameters": {}, "strict": true}},
            {"type": "custom"}], "tool_choice": "required"});
        let request = ChatRequest::of(&body);
        assert!(matches!(request.tools[..], [Tool { name: "f", parameters: Some(_), strict: true, input: None, .. }]));
        assert_eq!(request.tool_choice, ToolChoice::Required);
    }

    #[test]
    fn reads_custom_tools() {
        let grammar = |syntax: &str| json!({"type": "grammar", "grammar": {"syntax": syntax, "definition": "a+"}});
        let inputs = [json!({"type": "text"}), json!(null), grammar("regex"), grammar("lark")].map(|format| {
            let tool = json!({"type": "custom", "custom": {"name": "c", "description": "d", "format": format}});
            let body = json!({"tools": [tool], "tool_choice": {"type": "custom", "custom": {"name": "c"}}});
            let request = ChatRequest::of(&body);
            assert_eq!(request.tool_choice, ToolChoice::Named("c"));
            let [Tool { name: "c", description: Some("d"), parameters: None, strict: false, input }] =
                request.tools[..]
            else {
                panic!("not as it was written: {:?}", request.tools)
            };
            format!("{input:?}")
        });
        assert_eq!(inputs, ["Some(Text)", "Some(Text)", "Some(Regex(\"a+\"))", "Some(Grammar(\"a+\"))"]);
    }
}
