//! The document for a browser: the first page is a page when it is printed.

use maud::{Markup, html};

use super::document::{Block, Document, Table};
use crate::report::page::page;

pub(super) fn write(document: &Document) -> String {
    let body = html! {
        main class="document" {
            header {
                h1 { (document.title) }
                @for line in &document.head { p class="soft" { (line) } }
                p class="lead" { (document.lead) }
            }
            @for block in &document.first { (drawn(block)) }
            div class="rest" { @for block in &document.rest { (drawn(block)) } }
        }
    };
    page(&document.title, &body)
}

fn drawn(block: &Block) -> Markup {
    match block {
        Block::Heading(heading) => html! { h2 { (heading) } },
        Block::Paragraph(paragraph) => html! { p { (paragraph) } },
        Block::List(items) => html! { ul class="reasons" { @for item in items { li { (item) } } } },
        Block::Command(command) => html! { pre { code { (command) } } },
        Block::Table(table) => html! { div class="scroll" { (table_of(table)) } },
        Block::Pictures(charts) => html! {
            h2 { "In pictures" }
            div class="charts" { @for chart in charts { (chart.figure()) } }
        },
    }
}

fn table_of(table: &Table) -> Markup {
    html! {
        table class=[table.head.is_empty().then_some("text facts")] {
            @if !table.head.is_empty() {
                thead { tr { @for cell in &table.head { th scope="col" { (cell) } } } }
            }
            tbody {
                @for row in &table.rows { tr { @for cell in row { td { (cell) } } } }
            }
        }
    }
}
