//! The document as one HTML file that needs nothing else: the first page is a page when it is printed.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::document::{Block, Document, Table};

const STYLE: &str = "
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #1d2530; background: #fff; max-width: 60rem; margin: 2rem auto; padding: 0 1.5rem; }
h1 { font-size: 1.6rem; margin-bottom: .2rem; }
h2 { font-size: 1.1rem; margin: 1.6rem 0 .4rem; border-bottom: 1px solid #d8dee6; padding-bottom: .2rem; }
.head { color: #5a6675; }
.lead { font-size: 1.15rem; font-weight: 600; border-left: 4px solid #2a6fbb; padding: .3rem 0 .3rem .9rem; margin: 1.2rem 0; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; }
th, td { padding: .25rem .6rem; border-bottom: 1px solid #e6eaef; text-align: right; vertical-align: top; }
th:first-child, td:first-child, .pairs td { text-align: left; }
.pairs td:first-child { color: #5a6675; white-space: nowrap; }
pre { background: #f3f5f8; padding: .7rem .9rem; overflow-x: auto; }
@media print { body { margin: 0; max-width: none; font-size: 11px; } .rest { break-before: page; } h2 { break-after: avoid; } tr { break-inside: avoid; } }
";

pub(super) fn write(document: &Document) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (document.title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (document.title) }
                div class="head" { @for line in &document.head { div { (line) } } }
                p class="lead" { (document.lead) }
                @for block in &document.first { (drawn(block)) }
                div class="rest" { @for block in &document.rest { (drawn(block)) } }
            }
        }
    };
    page.into_string()
}

fn drawn(block: &Block) -> Markup {
    match block {
        Block::Heading(heading) => html! { h2 { (heading) } },
        Block::Paragraph(paragraph) => html! { p { (paragraph) } },
        Block::List(items) => html! { ul { @for item in items { li { (item) } } } },
        Block::Command(command) => html! { pre { code { (command) } } },
        Block::Table(table) => html! { div class="wide" { (table_of(table)) } },
    }
}

fn table_of(table: &Table) -> Markup {
    html! {
        table class=[table.head.is_empty().then_some("pairs")] {
            @if !table.head.is_empty() {
                thead { tr { @for cell in &table.head { th { (cell) } } } }
            }
            tbody {
                @for row in &table.rows { tr { @for cell in row { td { (cell) } } } }
            }
        }
    }
}
