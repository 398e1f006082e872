//! The arguments of `proofload compare`, as they are typed. Their comments are the help texts.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};

use crate::compare::Terms;
use crate::report::compare::Kind;

const EXAMPLES: &str = "Examples:
  proofload compare runs/monday runs/tuesday
  proofload compare @last~1 @last --max-regression 10% --report markdown=compare.md
  proofload compare base new-a new-b --noise 1%
  proofload compare fp16 fp8 --under-test case.0.max_tokens
  proofload compare --base-runs main-runs @last --strict

A side is the folder of a run, of repetitions (run --repeat 5), or @last. Its target, model, labels,
goals, seed and salt may differ from the baseline; everything else must be equal or named by --under-test.

At most six figures decide: the medians of first token, token gap and response time, requests per
second, the error rate and the violation rate. Other figures are shown without a verdict.
One run against one gets no verdict: it does not show how much runs vary. One run against three or
more gets a prediction interval. Sides of several runs are compared by the variation between their
runs, in pairs if the runs alternated (run --against). If the systems are equal, and their runs are
independent and vary like normal or t3 numbers, at most 5 % of comparisons call any figure better or
worse (--confidence).

Exit codes:
  0    no regression; figures without a verdict are named
  1    a figure is worse by more than --max-regression, or a MUST rule is newly broken and not known;
       with --strict, also if a figure has no verdict
  2    the command line is wrong
  3    a run is invalid, so nothing can be compared
  4    the runs do not belong together, or one cannot be read";

#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLES)]
pub(super) struct CompareArgs {
    /// The baseline, unless --base-runs names it, followed by the runs to compare with it.
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<String>,
    /// Folder with three or more runs, at any depth, that together are the baseline.
    #[arg(long, value_name = "DIR")]
    base_runs: Option<String>,

    /// Smaller changes, relative to the baseline, are noise: neither better nor worse.
    #[arg(long, value_name = "SHARE", value_parser = share, default_value = "2%")]
    noise: f64,
    /// Exit with 1 if a figure is significantly worse, on average by more than this share of the baseline.
    #[arg(long, value_name = "SHARE", value_parser = share, default_value = "5%")]
    max_regression: f64,
    /// Joint confidence of all verdicts: the least share of comparisons of equal systems that find no change.
    #[arg(long, value_name = "SHARE", value_parser = confidence, default_value = "95%")]
    confidence: f64,
    /// Key in which the plans may differ, such as load.open.rate or case.0; caches for warm against cold; all for any.
    #[arg(long = "under-test", value_name = "KEY")]
    under_test: Vec<String>,

    /// Format of the report on stdout.
    #[arg(long, value_enum, default_value_t = FormatArg::Text, help_heading = "Output")]
    pub(super) format: FormatArg,
    /// Write another report, as markdown=FILE, html=FILE or json=FILE; repeatable.
    #[arg(long = "report", value_name = "FORMAT=FILE", value_parser = report, help_heading = "Output")]
    pub(super) reports: Vec<(FormatArg, PathBuf)>,
    /// Exit with 1 also if a figure has no verdict.
    #[arg(long, help_heading = "Output")]
    pub(super) strict: bool,
    /// Exit with 0 instead of 1.
    #[arg(long, help_heading = "Output")]
    pub(super) exit_zero: bool,
}

/// Where the base is.
#[derive(Debug, Clone, Copy)]
pub(super) enum BaseArg<'a> {
    /// A run, or its repetitions.
    Side(&'a str),
    /// A folder of runs.
    Runs(&'a str),
}

impl CompareArgs {
    /// The base, and what is compared with it; none where one of them is missing.
    pub(super) fn sides(&self) -> Option<(BaseArg<'_>, &[String])> {
        let (base, new) = match &self.base_runs {
            Some(folder) => (BaseArg::Runs(folder), self.runs.as_slice()),
            None => self.runs.split_first().map(|(base, new)| (BaseArg::Side(base), new))?,
        };
        (!new.is_empty()).then_some((base, new))
    }

    /// What the comparison is held to.
    pub(super) fn terms(&self) -> Terms {
        Terms {
            noise: self.noise,
            max_regression: self.max_regression,
            confidence: self.confidence,
            under_test: self.under_test.clone(),
        }
    }
}

/// Formats of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FormatArg {
    Text,
    Markdown,
    Html,
    Json,
}

impl From<FormatArg> for Kind {
    fn from(format: FormatArg) -> Kind {
        match format {
            FormatArg::Text => Kind::Text,
            FormatArg::Markdown => Kind::Markdown,
            FormatArg::Html => Kind::Html,
            FormatArg::Json => Kind::Json,
        }
    }
}

fn report(text: &str) -> Result<(FormatArg, PathBuf), String> {
    let (format, file) = text.split_once('=').ok_or("expected FORMAT=FILE, as in markdown=compare.md")?;
    let format =
        FormatArg::from_str(format, false).map_err(|_| format!("{format:?} is none of text, markdown, html, json"))?;
    if file.is_empty() { Err("the file has no name".to_owned()) } else { Ok((format, PathBuf::from(file))) }
}

fn share(text: &str) -> Result<f64, String> {
    let number = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().map(|percent| percent / 100.0),
        None => text.parse::<f64>(),
    };
    number
        .ok()
        .filter(|share| share.is_finite() && *share >= 0.0)
        .ok_or_else(|| "expected a share, as 2% or 0.02".to_owned())
}

fn confidence(text: &str) -> Result<f64, String> {
    let confidence = share(text)?;
    if (0.5..1.0).contains(&confidence) { Ok(confidence) } else { Err("expected 50% to below 100%".to_owned()) }
}
