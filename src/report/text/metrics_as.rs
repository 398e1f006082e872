//! Our figures beside those of other tools, from the same streams, each with its formula.

use tabled::builder::Builder;

use super::{line, table};
use crate::plan::goal::{Measure, Population, Scalar, Statistic};
use crate::report::figure::number;
use crate::summary::Summary;
use crate::summary::metrics_as::{Formulas, Measured, Tool};
use crate::summary::timing::{Populations, Timing};

/// A figure that the tools have in common.
struct Kind {
    ours: Measure,
    formula: &'static str,
    named: fn(&Formulas) -> (&'static str, &'static str),
    timing: fn(&Measured) -> &Timing,
}

const KINDS: [Kind; 4] = [
    Kind {
        ours: Measure::FirstToken,
        formula: "first arrival with content, reasoning or tool calls - due",
        named: |formulas| formulas.first_token,
        timing: |measured| &measured.first_token,
    },
    Kind {
        ours: Measure::TimePerOutputToken,
        formula: "(last content - first content) / tokens after those of the first arrival",
        named: |formulas| formulas.per_token,
        timing: |measured| &measured.per_token,
    },
    Kind {
        ours: Measure::TokenGap,
        formula: "each arrival with content of a choice - the one before; what comes together is one",
        named: |formulas| formulas.gap,
        timing: |measured| &measured.gap,
    },
    Kind {
        ours: Measure::ResponseTime,
        formula: "end of the body - due; whole replies are in it, too",
        named: |formulas| formulas.latency,
        timing: |measured| &measured.latency,
    },
];

/// Our figures of requests that ended ok beside those of other tools.
pub(in crate::report) fn metrics_as(summary: &Summary, tools: &[Tool]) -> String {
    let mut builder = Builder::new();
    builder.push_record(["as measured by", "figure", "count", "mean", "p50", "p95", "p99"]);
    let none = Populations::default();
    for kind in &KINDS {
        let ours = summary.timings.get(kind.ours.name()).unwrap_or(&none);
        builder.push_record(row("proofload", kind.ours.short().unwrap_or(kind.ours.name()), &ours.ok));
        for tool in tools {
            let (name, _) = (kind.named)(&tool.formulas());
            builder.push_record(row(tool.name(), name, (kind.timing)(summary.metrics_as.of(*tool))));
        }
    }
    format!("{}{}{}", table(builder), rates(summary, tools), formulas(tools))
}

fn row(tool: &str, name: &str, timing: &Timing) -> Vec<String> {
    let populations = Populations { ok: timing.clone(), ..Populations::default() };
    let statistics =
        [Statistic::Mean, Statistic::Percentile(50.0), Statistic::Percentile(95.0), Statistic::Percentile(99.0)];
    let shown = statistics.map(|statistic| super::cell(&populations, Population::Ok, statistic));
    [tool.to_owned(), name.to_owned(), timing.count().to_string()].into_iter().chain(shown).collect()
}

fn rates(summary: &Summary, tools: &[Tool]) -> String {
    let mut text = String::new();
    let mut say = |tool: &str, [requests, output, all]: [Option<f64>; 3], span: &str| {
        let words = format!(
            "{} requests, {} output tokens, {} tokens in all per second; over {span}",
            number(requests),
            number(output),
            number(all)
        );
        line(&mut text, &format!("  {tool:<10}"), &words);
    };
    let ours = [Scalar::Requests, Scalar::OutputTokens, Scalar::TotalTokens].map(|scalar| summary.scalar(scalar));
    say("proofload", ours, "the window, without warm-up and drain tail");
    for tool in tools {
        let rates = summary.metrics_as.of(*tool).per_second();
        say(tool.name(), [0, 1, 2].map(|at| rates.map(|rates| rates[at])), tool.formulas().span);
    }
    text
}

fn formulas(tools: &[Tool]) -> String {
    let mut text = String::new();
    for kind in &KINDS {
        line(&mut text, "  proofload ", &format!("{} = {}", kind.ours.short().unwrap_or_default(), kind.formula));
    }
    for tool in tools {
        let formulas = tool.formulas();
        for kind in &KINDS {
            let (name, formula) = (kind.named)(&formulas);
            line(&mut text, &format!("  {:<10}", tool.name()), &format!("{name} = {formula}"));
        }
        line(
            &mut text,
            &format!("  {:<10}", tool.name()),
            &format!("({}) tokens are {}", formulas.tool, formulas.tokens),
        );
    }
    text
}
