//! Metrics of the server, in a table.

use tabled::builder::Builder;

use super::{line, table};
use crate::report::figure::{number, percent};
use crate::summary::digest::{Digest, ServerFigure, ServerFigures};
use crate::summary::server::Is;

pub(super) fn server(digest: &Digest) -> String {
    let Some(server) = &digest.server else { return String::new() };
    let mut text = String::new();
    if !server.figures.is_empty() {
        let mut builder = Builder::new();
        builder.push_record(["the server says", "mean", "max", "increase"]);
        for (name, figure) in &server.figures {
            builder.push_record(row(name, figure));
        }
        text += &table(builder);
    }
    if let Some(share) = server.prefix_hit_share {
        line(&mut text, "prefix cache: ", &format!("{} of what was asked for was there", percent(Some(share))));
    }
    warnings(&mut text, server);
    text
}

fn row(name: &str, figure: &ServerFigure) -> [String; 4] {
    let shown = |value: Option<f64>| if figure.is == Is::Share { percent(value) } else { number(value) };
    [name.replace('_', " "), shown(figure.mean), shown(figure.max), number(figure.increase)]
}

/// That the page fails us is no failure of the run.
fn warnings(text: &mut String, server: &ServerFigures) {
    let failed: u64 = server.failures.iter().map(|failure| failure.count).sum();
    if let Some(failure) = server.failures.first() {
        let words =
            format!("{} could not be read {failed} of {} times: {}", server.page, failed + server.read, failure.text);
        line(text, "warning: ", &words);
    }
    for why in &server.left_out {
        line(text, "left out: ", why);
    }
    if server.bare > 0 {
        let words = format!(
            "{} had none of the figures {} of {} times; looked for {}; name yours in target.scrape_figures",
            server.page,
            server.bare,
            server.read,
            server.looked_for.join(", ")
        );
        line(text, "warning: ", &words);
    }
}
