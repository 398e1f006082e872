//! For a browser: one file that asks for nothing else and needs no script. The template escapes whatever stands in it.
//!
//! Whatever the length of a run, the page stays below a megabyte: pictures have a bounded number of columns, and what
//! a reply says is cut short, for the whole of it is in the summary beside the page.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{checks, sections};
use crate::report::chart::STYLE as CHARTS;
use crate::summary::Summary;
use crate::summary::digest::Digest;
use crate::summary::evidence::is_control;

const STYLE: &str = include_str!("page.css");

pub(in crate::report) fn write(summary: &Summary) -> String {
    let digest = Digest::of(summary);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width,initial-scale=1";
                // Nothing in this file can make the browser ask for anything, whatever a reply put into it.
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:";
                link rel="icon" href="data:,";
                title { (digest.profile) ": " (digest.verdict.name()) }
                style { (PreEscaped(CHARTS)) (PreEscaped(STYLE)) }
            }
            body {
                (sections::verdict(&digest, summary))
                main {
                    (sections::goals(&digest))
                    (pictures(summary))
                    (sections::timings(summary))
                    (sections::splits(&digest))
                    (sections::outcomes(&digest))
                    (checks::checks(&digest))
                    (sections::client(summary))
                    (sections::what_was_run(summary, &digest))
                }
            }
        }
    };
    let mut text = page.into_string();
    text.retain(|c| c == '\n' || !is_control(c));
    text + "\n"
}

fn pictures(summary: &Summary) -> Markup {
    let charts = super::charts(summary);
    html! {
        @if !charts.is_empty() {
            h2 { "Pictures" }
            div class="charts" { @for chart in &charts { (chart.figure()) } }
        }
    }
}
