//! A page for a browser: one file that asks for nothing else and needs no script. The template escapes whatever stands
//! in it.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::chart::STYLE as CHARTS;
use crate::wire::plain::lines;

const STYLE: &str = include_str!("page.css");

/// A page of its own, in the colours of the reader's scheme or of paper.
pub(super) fn page(title: &str, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width,initial-scale=1";
                // Nothing in this file can make the browser ask for anything, whatever a reply put into it.
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:";
                link rel="icon" href="data:,";
                title { (title) }
                style { (PreEscaped(CHARTS)) (PreEscaped(STYLE)) }
            }
            body { (body) }
        }
    };
    lines(&page.into_string()) + "\n"
}
