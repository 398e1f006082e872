//! Texts from elsewhere, made fit to be printed: no control characters, nothing invisible that turns a text around or
//! hides in it, and no line that the log of a CI job would take for a command.

use std::fmt::Write as _;

/// How the commands of CI logs begin that are heard anywhere in a line: those of GitHub and of Azure, and of `TeamCity`.
const ANYWHERE: [&str; 3] = ["##[", "##vso[", "##teamcity["];
/// How commands begin that are heard behind white space only, as in `::error::text`.
const LEADING: &str = "::";

/// Control characters, line and paragraph separators, and what has no width: marks that turn the direction of a text
/// around, joiners, fillers, tags.
pub fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180E}'
            | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FEFF}'
            | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

/// Whether a text is surely plain as it is, which most are; a cheap look at its bytes.
pub fn is_plain(text: &str) -> bool {
    let is_printable = |byte: u8| matches!(byte, b' '..=b'~');
    text.bytes().all(is_printable) && !text.contains(LEADING) && !text.contains("##")
}

/// A text on one line: a space in the place of each control character, and no command.
pub fn line(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    without_commands(text.chars().map(|c| if is_control(c) { ' ' } else { c }).collect())
}

/// A text of several lines: without control characters but for line ends and tabs, and without commands.
pub fn lines(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for part in text.split_inclusive('\n') {
        let (own, end) = match part.strip_suffix("\r\n") {
            Some(own) => (own, "\r\n"),
            None => (part, ""),
        };
        plain.extend(own.chars().filter(|c| matches!(c, '\n' | '\t') || !is_control(*c)));
        plain.push_str(end);
    }
    without_commands(plain)
}

/// A text that stays JSON where it is: control characters within strings become escapes, line ends become spaces, and
/// what could begin a command is escaped too.
pub fn escaped(text: &str) -> String {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) && !text.contains("##") {
        return text.to_owned();
    }
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' | '\t' => escaped.push(' '),
            c if is_control(c) => {
                c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| _ = write!(escaped, "\\u{unit:04x}"));
            }
            c => escaped.push(c),
        }
    }
    ANYWHERE.iter().fold(escaped, |text, begin| text.replace(begin, &format!("\\u0023{}", &begin[1..])))
}

/// Puts a space into whatever would begin a command.
fn without_commands(text: String) -> String {
    let mut text = text;
    for begin in ANYWHERE {
        if text.contains(begin) {
            text = text.replace(begin, &format!("# {}", &begin[1..]));
        }
    }
    if text.contains(LEADING) { without_leading(&text) } else { text }
}

/// Wherever a word begins a line may begin, once the text is wrapped.
fn without_leading(text: &str) -> String {
    let mut plain = String::with_capacity(text.len() + 1);
    let mut rest = text;
    while let Some(at) = rest.find(LEADING) {
        let (before, behind) = rest.split_at(at + LEADING.len());
        let begins = before[..at].chars().next_back().or(plain.chars().next_back()).is_none_or(char::is_whitespace);
        let names = behind.starts_with(|c: char| c.is_ascii_alphabetic());
        plain.push_str(if begins && names { &before[..=at] } else { before });
        if begins && names {
            plain.push_str(" :");
        }
        rest = behind;
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_and_what_ends_a_line_is_taken_out() {
        assert_eq!(line("a\nb\r\u{1b}[31m\u{202e}c\u{200b}\u{feff}\u{2028}\u{e0041}d"), "a b  [31m c    d");
        assert_eq!(lines("a\n\tb\r\u{1b}[31m\u{202e}c\u{9b}"), "a\n\tb[31mc");
        assert_eq!(line("zwölf 数 ❤\u{fe0f}"), "zwölf 数 ❤\u{fe0f}");
        for c in ['\u{61c}', '\u{200e}', '\u{2069}', '\u{2060}', '\u{ad}', '\u{85}', '\u{e007f}'] {
            assert!(is_control(c), "{c:?}");
        }
    }

    #[test]
    fn nothing_in_it_is_a_command_of_a_log() {
        for (text, plain) in [
            ("::error::x", ": :error::x"),
            ("  ::warning file=a::x", "  : :warning file=a::x"),
            ("a\n::error::x", "a : :error::x"),
            ("a ##[error]b", "a # #[error]b"),
            ("####[x", "### #[x"),
            ("##vso[task.x]##teamcity[y", "# #vso[task.x]# #teamcity[y"),
            ("std::path, http://[::1]:80, :: and a::", "std::path, http://[::1]:80, :: and a::"),
            (":::error::", ":::error::"),
        ] {
            assert_eq!(line(text), plain);
            assert_eq!(line(plain), plain, "again");
        }
        assert_eq!(lines("a\n\u{200b}::error::x\n\t::debug::"), "a\n: :error::x\n\t: :debug::");
        assert_eq!(lines("#\u{200b}#[error]"), "# #[error]");
    }

    #[test]
    fn what_is_escaped_is_the_same_json() {
        let text = serde_json::json!({"a\u{202e}": "b\u{e0041}\u{7f}##[error] ##", "c": [1, "d"]}).to_string();
        let escaped = escaped(&text.replace(',', ",\n\t"));
        assert!(!escaped.contains(is_control) && !escaped.contains("##["), "{escaped}");
        let same = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
        assert_eq!(same(&escaped), same(&text));
    }
}
