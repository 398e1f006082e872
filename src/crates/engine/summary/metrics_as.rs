//! The same streams as other tools would measure them, so that their figures can be held against ours.
//!
//! Each definition is worked out from the same instants. What no definition changes is ours: only exchanges that ended
//! ok count (vLLM and `AIPerf` take a stream that is cut short for a success), warm-up does not, and tokens are those of
//! the reply's usage, else its events (`AIPerf` counts by a tokenizer unless told `--use-server-token-count`). Chunks that
//! came in one read are no time apart. Recorded always: eight histograms, 1.5 MB of memory for each judge, some 10 ns for
//! each token gap, a few kilobytes of file.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::timing::Timing;
use super::{micros, milli};
use crate::exchange::{Outcome, Reading};
use crate::wire::api::content::Content;

/// A tool with definitions of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tool {
    /// `vllm bench serve` (`benchmark_serving`), 0.33.
    Vllm,
    /// NVIDIA's `AIPerf`, 0.13, which took the place of GenAI-Perf.
    Aiperf,
}

/// How a tool defines its figures, in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Formulas {
    /// Name of the tool in reports.
    pub tool: &'static str,
    /// Which chunks are tokens.
    pub tokens: &'static str,
    /// First token, with the tool's name for it.
    pub first_token: (&'static str, &'static str),
    /// Time per token of a request.
    pub per_token: (&'static str, &'static str),
    /// Gaps between chunks.
    pub gap: (&'static str, &'static str),
    /// Whole request.
    pub latency: (&'static str, &'static str),
    /// What throughput is divided by.
    pub span: &'static str,
}

impl Tool {
    /// Every tool.
    pub const ALL: [Tool; 2] = [Tool::Vllm, Tool::Aiperf];

    /// Name in flags and files.
    pub fn name(self) -> &'static str {
        match self {
            Tool::Vllm => "vllm",
            Tool::Aiperf => "aiperf",
        }
    }

    /// Its definitions.
    pub fn formulas(self) -> Formulas {
        match self {
            Tool::Vllm => Formulas {
                tool: "vLLM bench serve 0.33",
                tokens: "chunks whose first choice has content, reasoning, tool_calls or function_call, or an empty content \
                         and no role",
                first_token: ("TTFT", "first token chunk - sent"),
                per_token: ("TPOT", "(last token chunk - first token chunk) / (output tokens - 1)"),
                gap: ("ITL", "each token chunk - the one before, all requests pooled"),
                latency: ("E2EL", "last token chunk - sent"),
                span: "last end - first sent, failed requests and drain tail included",
            },
            Tool::Aiperf => Formulas {
                tool: "AIPerf 0.13",
                tokens: "chunks whose first choice has content, reasoning or tool_calls",
                first_token: ("TTFT", "first token chunk - sent"),
                per_token: ("ITL", "(last token chunk - first token chunk) / (output tokens - 1)"),
                gap: ("ICL", "each token chunk - the one before, all requests pooled"),
                latency: ("request latency", "last token chunk - sent"),
                span: "last token chunk - first sent",
            },
        }
    }

    /// Whether a chunk is a token to this tool, by what it adds to its first choice.
    fn is_token(self, content: Content<'_>) -> bool {
        match self {
            Tool::Aiperf => content.says_something(),
            // It knows `reasoning`, the newer of the two names, only.
            Tool::Vllm => {
                let text = content.plain_text();
                let blank = text == Some("") && !content.has_role();
                let calls = content.lists_calls() || content.function_call().is_some();
                text.is_some_and(|text| !text.is_empty()) || content.newer_reasoning().is_some() || calls || blank
            }
        }
    }
}

/// The streams as a tool measures them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Measured {
    /// First token (TTFT).
    pub first_token: Timing,
    /// Time per token, one for each request (vLLM's TPOT, `AIPerf`'s ITL).
    pub per_token: Timing,
    /// Gaps between chunks (vLLM's ITL, `AIPerf`'s ICL).
    pub gap: Timing,
    /// Whole request (vLLM's E2EL, `AIPerf`'s request latency).
    pub latency: Timing,
    /// When the first of the requests was sent, in microseconds from the start of the run.
    pub first_sent_us: Option<u64>,
    /// When the last of them ended, as the tool has it.
    pub last_end_us: u64,
    /// Prompt tokens, in thousandths.
    pub prompt_millitokens: u64,
    /// Output tokens, in thousandths.
    pub output_millitokens: u64,
}

/// All tools' measures.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MetricsAs {
    /// As `vllm bench serve` has them.
    pub vllm: Measured,
    /// As `AIPerf` has them.
    pub aiperf: Measured,
}

impl MetricsAs {
    /// What a tool measures.
    pub fn of(&self, tool: Tool) -> &Measured {
        match tool {
            Tool::Vllm => &self.vllm,
            Tool::Aiperf => &self.aiperf,
        }
    }

    /// Adds an exchange of the measured part.
    pub(super) fn record(&mut self, reading: &Reading<'_>) {
        // vLLM waits for every request, failed ones included.
        if let Some(sent) = reading.exchange.sent {
            self.vllm.span(sent, reading.exchange.ended);
        }
        if reading.outcome == Outcome::Ok && reading.stream().is_some() {
            self.vllm.record(Tool::Vllm, reading);
            self.aiperf.record(Tool::Aiperf, reading);
        }
    }

    /// Adds another part of the run.
    pub(super) fn merge(&mut self, other: &MetricsAs) {
        self.vllm.merge(&other.vllm);
        self.aiperf.merge(&other.aiperf);
    }
}

impl Measured {
    fn record(&mut self, tool: Tool, reading: &Reading<'_>) {
        let Some(sent) = reading.exchange.sent else { return };
        let chunks = reading.chunk_times(|content| tool.is_token(content));
        let (Some(first), Some(last)) = (chunks.first(), chunks.last()) else { return };
        let tokens = reading.tokens();
        // They take the completion as it is stated last, and know nothing of what is billed beside it.
        let counted = tokens.map_or(0.0, |tokens| tokens.completion);
        let output = reading.usage.map_or(counted, |usage| usage.completion);
        self.first_token.record(first.saturating_sub(sent));
        self.latency.record(last.saturating_sub(sent));
        chunks.windows(2).for_each(|pair| self.gap.record(pair[1].saturating_sub(pair[0])));
        if output >= 2.0 {
            self.per_token.record(last.saturating_sub(*first).div_f64(output - 1.0));
        }
        if tool == Tool::Aiperf {
            self.span(sent, *last);
        }
        self.prompt_millitokens += tokens.map_or(0, |tokens| milli(tokens.prompt));
        self.output_millitokens += milli(output);
    }

    /// Takes a time into the span that rates are divided by.
    fn span(&mut self, sent: Duration, end: Duration) {
        let sent = micros(sent);
        self.first_sent_us = Some(self.first_sent_us.map_or(sent, |first| first.min(sent)));
        self.last_end_us = self.last_end_us.max(micros(end));
    }

    fn merge(&mut self, other: &Measured) {
        self.first_token.merge(&other.first_token);
        self.per_token.merge(&other.per_token);
        self.gap.merge(&other.gap);
        self.latency.merge(&other.latency);
        self.first_sent_us = [self.first_sent_us, other.first_sent_us].into_iter().flatten().min();
        self.last_end_us = self.last_end_us.max(other.last_end_us);
        self.prompt_millitokens += other.prompt_millitokens;
        self.output_millitokens += other.output_millitokens;
    }

    /// What the tool divides by for its rates, in seconds; none where nothing was measured.
    pub fn span_s(&self) -> Option<f64> {
        let span = self.last_end_us.checked_sub(self.first_sent_us?).filter(|span| *span > 0)?;
        Some(span as f64 / 1e6)
    }

    /// Requests, output tokens and all tokens per second of the tool's span.
    pub fn per_second(&self) -> Option<[f64; 3]> {
        let span = self.span_s()?;
        let tokens = |milli: u64| milli as f64 / 1000.0 / span;
        let all = self.prompt_millitokens + self.output_millitokens;
        Some([self.latency.count() as f64 / span, tokens(self.output_millitokens), tokens(all)])
    }
}
