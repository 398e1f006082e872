//! The arguments of `proofload check`, as they are typed. Their comments are the help texts.
#![expect(clippy::doc_markdown, reason = "help texts are printed as they stand")]

use std::time::Duration;

use clap::{Args as ClapArgs, ValueEnum};

use super::args::{FormatArg, TargetArgs, duration};

const EXAMPLES: &str = "Examples:
  proofload check http://127.0.0.1:8000/v1
  proofload check https://api.pulze.ai/v1 --dialect pulze --key-env PULZE_API_KEY --tier full
  proofload check http://127.0.0.1:8000/v1 --area stream,tools --without json_schema --require tools
  proofload check my.toml --only stream-done-present --repeat 3
  proofload check --list --dialect openai
  proofload check --explain stream-done-present";

#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLES)]
pub(super) struct CheckArgs {
    /// Base address, or the endpoint's full path; or a profile's path, or the name of a preset.
    #[arg(required_unless_present_any = ["list", "explain"])]
    pub(super) target: Option<String>,

    #[command(flatten)]
    pub(super) target_flags: TargetArgs,

    /// How far into the catalogue to go; each tier holds the ones before it.
    #[arg(long, value_enum, default_value_t = TierArg::Core, help_heading = "What is judged")]
    pub(super) tier: TierArg,
    /// Areas of the catalogue to judge.
    #[arg(long, value_name = "A,B", value_delimiter = ',', help_heading = "What is judged")]
    pub(super) area: Vec<String>,
    /// Checks to judge, by id, whatever their tier.
    #[arg(long, value_name = "ID,ID", value_delimiter = ',', help_heading = "What is judged")]
    pub(super) only: Vec<String>,
    /// Checks not to judge, by id.
    #[arg(long, value_name = "ID,ID", value_delimiter = ',', help_heading = "What is judged")]
    pub(super) skip: Vec<String>,
    /// Only checks that are at least so binding.
    #[arg(long, value_enum, help_heading = "What is judged")]
    pub(super) level: Option<LevelArg>,
    /// What the endpoint is declared to lack; what needs it is skipped.
    #[arg(long, value_name = "A,B", value_delimiter = ',', help_heading = "What is judged")]
    pub(super) without: Vec<String>,
    /// What the endpoint must have; a clean refusal of it is a failure.
    #[arg(long, value_name = "A,B", value_delimiter = ',', help_heading = "What is judged")]
    pub(super) require: Vec<String>,

    /// Treat a broken SHOULD like a broken MUST.
    #[arg(long, help_heading = "Verdict")]
    pub(super) strict: bool,
    /// Do everything so often; what depends on the model must hold in most tries, all else in all.
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u32).range(1..=100), help_heading = "Verdict")]
    pub(super) repeat: u32,
    /// Exit with 0 where it would be 1.
    #[arg(long, help_heading = "Verdict")]
    pub(super) exit_zero: bool,

    /// Requests at once.
    #[arg(long, value_name = "N", default_value = "4", value_parser = clap::value_parser!(u64).range(1..=64), help_heading = "How")]
    pub(super) jobs: u64,
    /// Root of every random choice.
    #[arg(long, value_name = "N", help_heading = "How")]
    pub(super) seed: Option<u64>,
    /// Wait this long for the endpoint to be ready.
    #[arg(long, value_name = "TIME", value_parser = duration, help_heading = "How")]
    pub(super) wait: Option<Duration>,
    /// Tokens that prompt and answer may have together.
    #[arg(long, value_name = "N", help_heading = "How")]
    pub(super) context_window: Option<u64>,
    /// The model reasons before it answers, so answers need more tokens.
    #[arg(long, help_heading = "How")]
    pub(super) reasoning: bool,

    /// List the catalogue instead.
    #[arg(long, help_heading = "Output")]
    pub(super) list: bool,
    /// Explain one check instead.
    #[arg(long, value_name = "ID", help_heading = "Output")]
    pub(super) explain: Option<String>,
    /// Format of the report on stdout.
    #[arg(long, value_enum, default_value_t = FormatArg::Text, help_heading = "Output")]
    pub(super) format: FormatArg,
    /// List checks that passed or did not apply, too.
    #[arg(long, short, help_heading = "Output")]
    pub(super) verbose: bool,
    /// Print nothing but the report.
    #[arg(long, short, help_heading = "Output")]
    pub(super) quiet: bool,
}

/// How far into the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum TierArg {
    /// What every endpoint should be held to.
    Core,
    /// All that does no harm.
    Full,
    /// What is costly, or rude to the endpoint, too.
    Intrusive,
}

/// How binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LevelArg {
    Must,
    Should,
    May,
}
