//! Streams as other tools measure them, each figure with its name there and its formula.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::Statistics;
use crate::plan::goal::{Measure, Population};
use crate::summary::Summary;
use crate::summary::certainty::Certainties;
use crate::summary::metrics_as::Tool;
use crate::summary::timing::{Populations, Timing};

/// What a tool would have said of the streams that ended ok.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct AsTool {
    /// The tool, with the version whose definitions these are.
    pub tool: String,
    /// Which chunks it takes for tokens.
    pub tokens: String,
    /// First token.
    pub first_token: AsFigure,
    /// Time per token of a request.
    pub per_token: AsFigure,
    /// Gaps between chunks.
    pub gap: AsFigure,
    /// Whole request.
    pub latency: AsFigure,
    /// Requests per second.
    pub requests_per_s: Option<f64>,
    /// Output tokens per second.
    pub output_tokens_per_s: Option<f64>,
    /// Prompt and output tokens per second.
    pub total_tokens_per_s: Option<f64>,
    /// What the rates are divided by.
    pub span: String,
}

/// A figure of a tool.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct AsFigure {
    /// The tool's name for it.
    pub name: String,
    /// How it is worked out.
    pub formula: String,
    /// In microseconds.
    pub us: Statistics,
}

impl AsTool {
    fn of(summary: &Summary, tool: Tool, certainties: &Certainties) -> AsTool {
        let (formulas, measured) = (tool.formulas(), summary.metrics_as.of(tool));
        let figure = |(name, formula): (&str, &str), timing: &Timing, like: Measure| {
            let populations = Populations { ok: timing.clone(), ..Populations::default() };
            AsFigure {
                name: name.to_owned(),
                formula: formula.to_owned(),
                us: Statistics::of(&populations, Population::Ok, certainties.of_measure(like, Population::Ok)),
            }
        };
        let rate = |at: usize| measured.per_second().map(|rates| rates[at]);
        AsTool {
            tool: formulas.tool.to_owned(),
            tokens: formulas.tokens.to_owned(),
            first_token: figure(formulas.first_token, &measured.first_token, Measure::FirstToken),
            per_token: figure(formulas.per_token, &measured.per_token, Measure::TokenGap),
            gap: figure(formulas.gap, &measured.gap, Measure::TokenGap),
            latency: figure(formulas.latency, &measured.latency, Measure::ResponseTime),
            requests_per_s: rate(0),
            output_tokens_per_s: rate(1),
            total_tokens_per_s: rate(2),
            span: formulas.span.to_owned(),
        }
    }

    /// Every tool by its name.
    pub fn all(summary: &Summary, certainties: &Certainties) -> BTreeMap<String, AsTool> {
        Tool::ALL.into_iter().map(|tool| (tool.name().to_owned(), AsTool::of(summary, tool, certainties))).collect()
    }
}
