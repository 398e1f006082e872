//! For a browser: verdict and trust on top, then the goals, the pictures, and everything in figures.
//!
//! Whatever the length of a run, the page stays below a megabyte: pictures have a bounded number of columns, and what
//! a reply says is cut short, for the whole of it is in the summary beside the page.

use maud::{Markup, html};

use super::{Pictures, checks, sections};
use crate::report::chart::Chart;
use crate::report::page::page;
use crate::summary::Summary;
use crate::summary::digest::Digest;

pub(in crate::report) fn write(summary: &Summary) -> String {
    let digest = Digest::of(summary);
    let pictures = Pictures::of(summary, &digest);
    let body = html! {
        (sections::verdict(&digest, summary))
        main {
            (sections::goals(&digest))
            (drawn("Over time", &pictures.over_time))
            (drawn("How it is spread", &pictures.spread))
            (sections::timings(summary))
            (sections::splits(&digest, &pictures.splits))
            (sections::outcomes(&digest))
            (checks::checks(&digest))
            (drawn("Metrics of the server", &pictures.server))
            (drawn("The client while it measured", &pictures.client))
            (sections::client(summary))
            (sections::what_was_run(summary, &digest))
        }
    };
    page(&format!("{}: {}", digest.profile, digest.verdict.name()), &body)
}

fn drawn(heading: &str, charts: &[Chart]) -> Markup {
    html! {
        @if !charts.is_empty() {
            h2 { (heading) }
            div class="charts" { @for chart in charts { (chart.figure()) } }
        }
    }
}
