//! Texts for a terminal of 80 columns.

/// The widest line that is printed, in characters.
const WIDTH: usize = 80;

/// A text in lines that begin with so many spaces, broken between words; white space is one space.
pub(super) fn words(text: &str, indent: usize) -> String {
    let mut lines = String::new();
    let mut used = WIDTH;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if used + 1 + length > WIDTH {
            if !lines.is_empty() {
                lines.push('\n');
            }
            lines.extend(std::iter::repeat_n(' ', indent));
            used = indent;
        } else {
            lines.push(' ');
            used += 1;
        }
        lines.push_str(word);
        used += length;
    }
    lines.push('\n');
    lines
}

/// Lines that are not made of words: each begins with so many spaces, and one that is too long goes on with more of
/// them, behind a comma where one is near.
pub(super) fn lines(text: &str, indent: usize) -> String {
    let mut wrapped = String::new();
    for line in text.lines() {
        let mut rest = line;
        let mut margin = indent;
        loop {
            let (piece, after) = rest.split_at(piece_length(rest, WIDTH.saturating_sub(margin)));
            if !piece.is_empty() {
                wrapped.extend(std::iter::repeat_n(' ', margin));
                wrapped.push_str(piece);
            }
            wrapped.push('\n');
            rest = after;
            margin = indent + 4;
            if rest.is_empty() {
                break;
            }
        }
    }
    wrapped
}

/// How many bytes of a line go into so many columns.
fn piece_length(line: &str, columns: usize) -> usize {
    let Some((end, _)) = line.char_indices().nth(columns) else { return line.len() };
    let near = line[..end].rfind([',', ' ']).map(|comma| comma + 1);
    near.filter(|length| *length > end / 2).unwrap_or(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_kept_whole() {
        let text = "one two\nthree ".repeat(20);
        let wrapped = words(&text, 4);
        assert!(wrapped.lines().all(|line| line.len() <= 80 && line.starts_with("    o") | line.starts_with("    t")));
        assert_eq!(wrapped.split_whitespace().collect::<Vec<_>>(), text.split_whitespace().collect::<Vec<_>>());
        assert_eq!(words(&"a".repeat(90), 2), format!("  {}\n", "a".repeat(90)));
    }

    #[test]
    fn long_lines_go_on_below() {
        let long = format!("{{{}\"é\":1}}", "\"a\":1,".repeat(30));
        let wrapped = lines(&format!("{long}\n\nb\n"), 2);
        assert!(wrapped.lines().all(|line| line.chars().count() <= 80));
        assert!(
            wrapped.ends_with("\n\n  b\n")
                && wrapped.lines().nth(1).is_some_and(|line| line.starts_with("      \"a\""))
        );
        assert_eq!(wrapped.replace([' ', '\n'], ""), format!("{long}b"));
    }
}
