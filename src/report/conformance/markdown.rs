//! For a job's summary or a ticket. What comes from a reply is escaped, or stands in a fence that it cannot end.

use std::fmt::Write as _;

use super::{Across, differences, support};
use crate::suite::sheet::{Entry, Sheet};
use crate::wire::plain;

pub(super) fn write(sheets: &[Sheet], verbose: bool) -> String {
    let mut text = String::new();
    for sheet in sheets {
        text += &one(sheet, verbose);
    }
    let labels: Vec<String> = sheets.iter().map(Sheet::label).collect();
    if sheets.len() > 1 {
        text += &table("Where they differ or fail", "check", &labels, &differences(sheets));
    }
    text + &table("Parameters", "parameter", &labels, &support(sheets))
}

/// One broken rule as a bug report, fit for the tracker of the server; none where the run has no such rule.
pub fn finding(sheet: &Sheet, id: &str) -> Option<String> {
    let entry = sheet.checks.get(id)?;
    let mut text = format!("## {}\n\n", escaped(&entry.rule));
    let _ = writeln!(
        text,
        "{}, {} dialect of `POST /v1/chat/completions`, model {}.\n",
        code(&sheet.target),
        escaped(&sheet.dialect),
        code(sheet.model.as_deref().unwrap_or("(default)"))
    );
    let level = escaped(&entry.level);
    let _ = writeln!(text, "**Expected:** {} ({level}; {}).\n", escaped(&entry.rule), escaped(&entry.source));
    let _ = writeln!(text, "**Actual:** {}\n", escaped(&entry.reason));
    for place in &entry.findings {
        let _ = writeln!(text, "- {}{}", escaped(&place.heading()), escaped(&place.detail));
    }
    if let Some(proof) = &entry.evidence {
        let _ = write!(text, "\nTo reproduce:\n\n{}", fenced("sh", &proof.curl));
        let _ = write!(text, "\nWhat came:\n\n{}", fenced("", &came(entry, &proof.first_bytes)));
    }
    let (version, status) = (escaped(&sheet.proofload), escaped(&entry.status));
    let _ = writeln!(text, "\nFound by proofload {version} as {} ({status}).", named(id));
    Some(text)
}

fn one(sheet: &Sheet, verbose: bool) -> String {
    let verdict = escaped(&sheet.verdict.to_uppercase());
    let mut text = format!("## {verdict}: {}\n\n", escaped(&sheet.label()));
    let _ = writeln!(
        text,
        "{} of {} checks, {} requests; {} dialect, seed {}, proofload {}\n",
        sheet.counted(),
        sheet.checks.len(),
        sheet.requests,
        escaped(&sheet.dialect),
        sheet.seed,
        escaped(&sheet.proofload)
    );
    for reason in &sheet.reasons {
        let _ = writeln!(text, "- {}", escaped(reason));
    }
    let rows: Vec<(&str, &Entry)> =
        sheet.gravest_first().into_iter().filter(|(_, entry)| verbose || is_shown(entry)).collect();
    if !rows.is_empty() {
        text += "\n| status | check | level | what |\n|---|---|---|---|\n";
    }
    for (id, entry) in &rows {
        let said = if entry.reason.is_empty() { &entry.rule } else { &entry.reason };
        let origin = entry.origin.as_ref().map_or(String::new(), |origin| format!(" ({origin})"));
        let status = escaped(&format!("{}{origin}", entry.status));
        let _ = writeln!(text, "| {status} | {} | {} | {} |", named(id), escaped(&entry.level), escaped(said));
    }
    text.push('\n');
    for (id, entry) in rows.iter().filter(|(_, entry)| entry.fails) {
        if let Some(proof) = &entry.evidence {
            let _ = write!(text, "<details><summary><code>{}</code></summary>\n\n", escaped(id));
            text += &fenced("sh", &proof.curl);
            let _ = write!(text, "\n{}\n</details>\n\n", fenced("", &came(entry, &proof.first_bytes)));
        }
    }
    text
}

fn is_shown(entry: &Entry) -> bool {
    entry.is_worth_showing() || entry.is_worth_a_line()
}

/// What shows the faults of a rule; the first bytes of the answer where nothing more telling was kept.
fn came(entry: &Entry, first_bytes: &str) -> String {
    let shown = entry.findings.iter().flat_map(|place| &place.shows);
    let lines: Vec<String> = shown.map(|excerpt| format!("{}: {}", excerpt.what, excerpt.text)).collect();
    if lines.is_empty() { first_bytes.to_owned() } else { lines.join("\n") }
}

fn table(title: &str, what: &str, labels: &[String], rows: &[Across<'_>]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let heads: Vec<String> = labels.iter().map(|label| escaped(label)).collect();
    let rule = "---|".repeat(labels.len());
    let mut text = format!("### {title}\n\n| {what} | {} |\n|---|{rule}\n", heads.join(" | "));
    for (name, cells) in rows {
        let cells: Vec<String> = cells.iter().map(|cell| escaped(cell)).collect();
        let _ = writeln!(text, "| {} | {} |", named(name), cells.join(" | "));
    }
    text + "\n"
}

/// A text that neither ends a cell nor is read as markup.
pub(in crate::report) fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in plain::line(text).chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '&' => escaped.push_str("&amp;"),
            '|' | '`' | '*' | '_' | '[' | ']' | '\\' | '#' | '~' => {
                escaped.push('\\');
                escaped.push(c);
            }
            // A mention would call people.
            '@' => escaped.push_str("&#64;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A name of ours, such as the id of a rule, as code; of a file that somebody else wrote it may be anything.
pub(in crate::report) fn named(name: &str) -> String {
    let ours = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    if name.chars().all(ours) { format!("`{name}`") } else { escaped(name) }
}

/// A text as code within a line, which it cannot end.
fn code(text: &str) -> String {
    let text = plain::line(text);
    let fence = "`".repeat(longest_run(&text) + 1);
    let space = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// A block that ends where we say: its fence is longer than any run of backticks inside.
pub(in crate::report) fn fenced(language: &str, text: &str) -> String {
    let text = plain::lines(text);
    let fence = "`".repeat(longest_run(&text).max(2) + 1);
    format!("{fence}{language}\n{text}\n{fence}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_reply_says_is_no_markup() {
        assert_eq!(escaped("a|b <img> @me `x`\n"), "a\\|b &lt;img> &#64;me \\`x\\` ");
        assert_eq!(fenced("", "a ```` b"), "`````\na ```` b\n`````\n");
        assert_eq!(fenced("sh", "curl"), "```sh\ncurl\n```\n");
        assert_eq!(code("a"), "`a`");
        assert_eq!(code("`` a"), "``` `` a ```");
        assert_eq!(named("stream-done"), "`stream-done`");
        assert_eq!(named("a`|b"), "a\\`\\|b");
    }
}
