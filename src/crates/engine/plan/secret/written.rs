//! Secrets in what a user has written, found by how it is written: before anything is read, or where it cannot be.

use std::ops::Range;

use super::address::secret_spans;
use super::name::{is_secret, is_variable_name};
use super::spans::merged;

/// Where secrets are in a text of any kind: in addresses, and behind the names of headers and keys, as `api-key: ..` and
/// `"x-api-key" = ".."`. A name for which `is_ours` is true has no secret; what comes from a variable is not written here.
pub fn spans_written(text: &str, is_ours: impl Fn(&str) -> bool) -> Vec<Range<usize>> {
    let addresses = text.match_indices("://").flat_map(|(at, _)| {
        let start = text[..at].rfind(|c: char| !c.is_ascii_alphanumeric()).map_or(0, |before| before + 1);
        let start = (start..=at).find(|at| text.is_char_boundary(*at)).unwrap_or(at);
        let end = text[at..].find(ends_a_word).map_or(text.len(), |end| at + end);
        secret_spans(&text[start..end]).into_iter().map(move |span| start + span.start..start + span.end)
    });
    let values = text.match_indices(['=', ':']).filter_map(|(at, _)| {
        let name = name_before(text, at)?;
        let is_secret = is_secret(name) && !is_variable_name(name) && !is_ours(name);
        if is_secret { value_behind(text, at + 1) } else { None }
    });
    merged(addresses.chain(values).collect())
}

fn ends_a_word(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>')
}

/// The name that ends at this place, with its quotes and the space behind it left out.
fn name_before(text: &str, at: usize) -> Option<&str> {
    let before = text[..at].trim_end_matches([' ', '\t']);
    let before = before.trim_end_matches(['"', '\'']);
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let start =
        before.rfind(|c: char| !is_part(c)).map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
    Some(&before[start..]).filter(|name| !name.is_empty())
}

/// The value that begins behind this place: within its quotes, or to the end of the line or of the quotes around it all.
fn value_behind(text: &str, at: usize) -> Option<Range<usize>> {
    let start = text.len() - text[at..].trim_start_matches([' ', '\t']).len();
    let rest = &text[start..];
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''));
    let span = match quote {
        Some(quote) => {
            let inner = &rest[1..];
            let end = inner.find([quote, '\n']).unwrap_or(inner.len());
            start + 1..start + 1 + end
        }
        None => start..start + rest.find(['"', '\'', '`', '\n', '\r']).unwrap_or(rest.len()),
    };
    let value = &text[span.clone()];
    // What is a number is a key of a profile, misspelt.
    let is_number = value.len() < 8 && value.bytes().all(|byte| byte.is_ascii_digit() || b".-_".contains(&byte));
    let is_written = !value.is_empty() && !is_number && !value.contains("${") && !value.starts_with(['[', '{']);
    is_written.then_some(span)
}

#[cfg(test)]
mod tests {
    use super::super::masked_by_spans;
    use super::*;

    #[test]
    fn secrets_are_found_by_how_they_are_written() {
        for (text, masked) in [
            ("authorization: Bearer sk-1", "authorization: ***********"),
            ("'x-api-key=a b' for '--header'", "'x-api-key=***' for '--header'"),
            ("\"x-api-key\" = \"a\\\", b = \"c\"", "\"x-api-key\" = \"**\", b = \"c\""),
            ("key_env = \"NAME\"", "key_env = \"NAME\""),
            ("ours_token = \"5\"", "ours_token = \"5\""),
            ("cookie = \"a=${B}\"", "cookie = \"a=${B}\""),
            ("url = \"http://me:pw@h:99999/?sig=1\" é", "url = \"http://*****@h:99999/?sig=*\" é"),
            ("time: 5", "time: 5"),
            ("max_token = 64", "max_token = 64"),
            ("é: http://é a://b@", "é: http://é a://*@"),
        ] {
            let spans = spans_written(text, |name| name.starts_with("ours"));
            assert_eq!(masked_by_spans(text, &spans), masked, "{text}");
        }
    }
}
