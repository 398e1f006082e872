//! The document in Markdown.

use std::fmt::Write as _;

use super::document::{Block, Document, Table};
use crate::report::conformance::fenced;
use crate::wire::plain;

pub(super) fn write(document: &Document) -> String {
    let mut text = format!("# {}\n\n", escaped(&document.title));
    for line in &document.head {
        let _ = writeln!(text, "{}  ", escaped(line));
    }
    let _ = writeln!(text, "\n**{}**", escaped(&document.lead));
    document.first.iter().chain(&document.rest).for_each(|block| write_block(&mut text, block));
    text
}

fn write_block(text: &mut String, block: &Block) {
    text.push('\n');
    match block {
        Block::Heading(heading) => _ = writeln!(text, "## {}", escaped(heading)),
        Block::Paragraph(paragraph) => _ = writeln!(text, "{}", escaped(paragraph)),
        Block::List(items) => items.iter().for_each(|item| _ = writeln!(text, "- {}", escaped(item))),
        Block::Table(table) => write_table(text, table),
        Block::Command(command) => _ = write!(text, "{}", fenced("sh", &plain::line(command))),
        Block::Pictures(_) => {}
    }
}

fn write_table(text: &mut String, table: &Table) {
    let columns = table.rows.iter().map(Vec::len).max().unwrap_or(0).max(table.head.len());
    let line = |cells: &[String]| {
        let cells = (0..columns).map(|column| cells.get(column).map_or(String::new(), |cell| escaped(cell)));
        format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
    };
    text.push_str(&line(&table.head));
    let rule = (0..columns).map(|column| if column == 0 || table.head.is_empty() { "---" } else { "---:" });
    let _ = writeln!(text, "| {} |", rule.collect::<Vec<_>>().join(" | "));
    table.rows.iter().for_each(|row| text.push_str(&line(row)));
}

/// What Markdown or HTML would read as more than text is taken for text.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in plain::line(text).chars() {
        if matches!(c, '|' | '*' | '_' | '`' | '[' | ']' | '<' | '>' | '\\' | '#') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}
