//! Control markup of a model's template in a text, recognised by its shape.
//!
//! Templates mark turns, tools and reasoning with tokens of their own, which an endpoint is to take out. Families write
//! them alike: `<|name|>` (`ChatML`, Llama, gpt-oss, Phi, GLM), `<\u{FF5C}name\u{FF5C}>` (`DeepSeek`), `<start_of_..>`
//! and `<end_of_..>` (Gemma), tags around tool calls and reasoning, and a few words in brackets (Mistral, Llama 2).

use memchr::memchr2_iter;

/// Every mark in a text, in order, but for those in code between backticks.
pub(super) fn marks(text: &str) -> impl Iterator<Item = &str> {
    memchr2_iter(b'<', b'[', text.as_bytes())
        .filter_map(move |at| Some((at, mark(text, at)?)))
        .filter(move |(at, _)| !is_code(text, *at))
        .map(|(_, mark)| mark)
}

/// The mark that begins at an offset, where one does.
fn mark(text: &str, at: usize) -> Option<&str> {
    let rest = &text[at..];
    if rest.starts_with('[') {
        return BRACKETED.into_iter().find(|mark| rest.starts_with(mark));
    }
    let end = barred(rest).or_else(|| tagged(rest, &text[..at]))?;
    Some(&rest[..end])
}

/// What Mistral's and Llama 2's templates write in brackets; other words in capitals are ordinary text.
const BRACKETED: [&str; 12] = [
    "[INST]",
    "[/INST]",
    "[TOOL_CALLS]",
    "[TOOL_RESULTS]",
    "[/TOOL_RESULTS]",
    "[AVAILABLE_TOOLS]",
    "[/AVAILABLE_TOOLS]",
    "[SYSTEM_PROMPT]",
    "[/SYSTEM_PROMPT]",
    "[CALL_ID]",
    "[THINK]",
    "[/THINK]",
];

/// Longest name of a mark, in bytes.
const LONGEST: usize = 64;
const FULL_BAR: char = '\u{FF5C}';
/// What `DeepSeek`'s marks have for a space.
const LOW_LINE: char = '\u{2581}';

/// Where `<|name|>` ends, or the same with `DeepSeek`'s wide bar, which nothing else has after an angle bracket.
fn barred(rest: &str) -> Option<usize> {
    let inner = rest.strip_prefix('<')?;
    let inner = inner.strip_prefix('/').unwrap_or(inner);
    let name = inner.strip_prefix(['|', FULL_BAR])?;
    let wide = inner.starts_with(FULL_BAR);
    let length = name.find('>').filter(|length| *length <= LONGEST)?;
    let end = rest.len() - name.len() + length + 1;
    let name = &name[..length];
    let closed = name.strip_suffix(['|', FULL_BAR]);
    let name = if wide { closed.unwrap_or(name) } else { closed? };
    let opens = name.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '/' | '_' | LOW_LINE));
    let plain = !name.contains(|c: char| c.is_whitespace() || matches!(c, '<' | '|' | '(' | ')' | '"'));
    (opens && plain && name.chars().nth(1).is_some()).then_some(end)
}

/// Where a tag of a template ends, in a text that goes before.
fn tagged(rest: &str, before: &str) -> Option<usize> {
    if rest.starts_with("<<SYS>>") {
        return Some("<<SYS>>".len());
    }
    let inner = &rest[1..];
    let bare = inner.strip_prefix('/').unwrap_or(inner);
    let closes = bare.len() < inner.len();
    let length = bare.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | ':')))?;
    let (name, behind) = bare.split_at(length);
    let known = match behind.as_bytes()[0] {
        b'>' => is_tag(name) || (name == "s" && closes && !before.contains("<s>")),
        b'=' => matches!(name, "function" | "parameter"),
        _ => false,
    };
    known.then(|| rest.len() - behind.len() + 1)
}

/// Names of tags that are no HTML: `</s>` ends a text, and is HTML where `<s>` came before.
fn is_tag(name: &str) -> bool {
    let own = name.rsplit(':').next().unwrap_or(name);
    ["start_of_", "begin_of_", "end_of_", "tool_call", "tool_response"].iter().any(|opening| own.starts_with(opening))
        || matches!(own, "think" | "bos" | "eos" | "pad" | "unk" | "function_calls" | "arg_key" | "arg_value")
}

/// Whether an offset is inside a fenced block, or between backticks on a line.
fn is_code(text: &str, at: usize) -> bool {
    let (before, after) = text.split_at(at);
    if before.matches("```").count() % 2 == 1 {
        return after.contains("```");
    }
    let line = before.rsplit('\n').next().unwrap_or(before);
    let rest = after.split('\n').next().unwrap_or(after);
    line.matches('`').count() % 2 == 1 && rest.contains('`')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(text: &str) -> Option<&str> {
        marks(text).next()
    }

    #[test]
    fn the_marks_of_every_family_are_found() {
        for mark in [
            "<|endoftext|>",
            "<|im_end|>",
            "<|eot_id|>",
            "<|user|>",
            "<|channel|>",
            "<|message|>",
            "<|START_OF_TURN_TOKEN|>",
            "<|/think|>",
            "<|begin\u{2581}of\u{2581}sentence|>",
            "<\u{FF5C}tool\u{2581}calls\u{2581}begin\u{FF5C}>",
            "<\u{FF5C}end\u{2581}of\u{2581}sentence\u{FF5C}>",
            "<\u{FF5C}DSML\u{FF5C}function_calls>",
            "</\u{FF5C}DSML\u{FF5C}invoke>",
            "</s>",
            "<end_of_turn>",
            "<start_of_turn>",
            "<think>",
            "</think>",
            "</seed:think>",
            "<tool_call>",
            "</tool_calls>",
            "<minimax:tool_call>",
            "<function=",
            "<parameter=",
            "<arg_key>",
            "<eos>",
            "[INST]",
            "[TOOL_CALLS]",
            "[/THINK]",
            "<<SYS>>",
        ] {
            assert_eq!(first(&format!("The sea.{mark}rest")), Some(mark));
            assert_eq!(first(mark), Some(mark));
        }
    }

    #[test]
    fn html_code_and_mathematics_are_none() {
        for text in [
            "<s>old</s> new",
            "<b>bold</b> and <i>i</i>",
            "a < b > c, a <| b |> c, x |> f",
            "<$> <|> <*>",
            "(a<|b|c|>d)",
            "Vec<String>, Option<&str>, List<T>",
            "<thinking>, <functional>, <parameter>",
            "[TODO] [1] [REDACTED]",
            "`<|im_end|>` ends a turn",
            "```\n<|im_start|>user\n```",
            "<end of turn>",
            "<",
            "<|",
            "</",
            "[",
        ] {
            assert_eq!(first(text), None, "{text}");
        }
    }

    #[test]
    fn a_mark_behind_code_is_found() {
        assert_eq!(first("```\nx\n```<|im_end|>"), Some("<|im_end|>"));
        assert_eq!(first("use `x`</s>"), Some("</s>"));
        assert_eq!(first("```python\nprint(1)<|im_end|>"), Some("<|im_end|>"));
    }
}
