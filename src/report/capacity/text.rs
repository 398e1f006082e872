//! The document for the terminal.

use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::{Alignment, Modify, Style};

use super::document::{Block, Document, Table};
use crate::wire::plain::lines;

const WIDTH: usize = 100;

pub(super) fn write(document: &Document) -> String {
    let mut text = format!("{}\n", document.title);
    document.head.iter().for_each(|line| push(&mut text, "", line));
    text.push('\n');
    push(&mut text, "", &document.lead);
    document.first.iter().chain(&document.rest).for_each(|block| write_block(&mut text, block));
    lines(&text)
}

fn write_block(text: &mut String, block: &Block) {
    match block {
        Block::Heading(heading) => {
            text.push('\n');
            text.push_str(heading);
            text.push('\n');
        }
        Block::Paragraph(paragraph) => push(text, "", paragraph),
        Block::List(items) => items.iter().for_each(|item| push(text, "  - ", item)),
        Block::Table(table) => text.push_str(&drawn(table)),
        // A command line is copied, so it is not broken.
        Block::Command(command) => {
            text.push_str("  ");
            text.push_str(command);
            text.push('\n');
        }
        Block::Pictures(_) => {}
    }
}

fn drawn(table: &Table) -> String {
    let mut builder = Builder::new();
    if !table.head.is_empty() {
        builder.push_record(&table.head);
    }
    table.rows.iter().for_each(|row| builder.push_record(row));
    let mut drawn = builder.build();
    drawn.with(Style::blank());
    if !table.head.is_empty() {
        drawn.with(Modify::new(Columns::new(1..)).with(Alignment::right()));
    }
    drawn.to_string().lines().flat_map(|line| [" ", line.trim_end(), "\n"]).collect()
}

/// A paragraph, broken at spaces; lines after the first are set in as far as the mark of the first.
fn push(text: &mut String, mark: &str, paragraph: &str) {
    let mut line = mark.to_owned();
    let indent = " ".repeat(mark.len());
    for word in paragraph.split_whitespace() {
        if line.trim().is_empty() || line == mark {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() > WIDTH {
            text.push_str(&line);
            text.push('\n');
            line = format!("{indent}{word}");
        } else {
            line.push(' ');
            line.push_str(word);
        }
    }
    text.push_str(&line);
    text.push('\n');
}
