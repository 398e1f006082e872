//! The arguments of `proofload check` and `proofload replay`, as they are typed. Their comments are the help texts.
#![expect(clippy::doc_markdown, reason = "help texts are printed as they stand")]

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, ValueEnum};

use super::args::{TargetArgs, duration};
use crate::report::conformance::Kind;

const EXAMPLES: &str = "Examples:
  proofload check http://127.0.0.1:8000/v1
  proofload check https://api.pulze.ai/v1 --dialect pulze --key-env PULZE_API_KEY --tier full
  proofload check http://127.0.0.1:8000/v1 --area stream,tools --without json_schema --require tools
  proofload check http://127.0.0.1:8000/v1 --model a,b --report junit=check.xml --report html=check.html
  proofload check http://gateway:4000/v1 --key-env KEY --upstream http://127.0.0.1:8000/v1 --upstream-key-env INNER_KEY
  proofload check my.toml --baseline known.toml --target-name staging --update-baseline
  proofload check --list
  proofload check --explain stream-done-present
  proofload check --explain usage";

#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLES)]
pub(super) struct CheckArgs {
    /// Base address, or the endpoint's full path; or a profile's path, or the name of a preset. Several give one matrix,
    /// as several models do (--model a,b).
    #[arg(required_unless_present_any = ["list", "explain"], value_name = "TARGET")]
    pub(super) targets: Vec<String>,

    #[command(flatten)]
    pub(super) target_flags: TargetArgs,
    /// What stands behind a gateway: judged too, and only what the gateway breaks itself fails. The gateway's key is not
    /// sent there, nor a header that is a secret.
    #[arg(long, value_name = "URL", help_heading = "Target")]
    pub(super) upstream: Option<String>,
    /// Environment variable that holds the API key for --upstream; without it, no key is sent there.
    #[arg(long, value_name = "NAME", requires = "upstream", help_heading = "Target")]
    pub(super) upstream_key_env: Option<String>,

    #[command(flatten)]
    pub(super) selection: Selection,
    #[command(flatten)]
    pub(super) verdict: VerdictArgs,

    /// Do everything so often; what depends on the model must hold in most tries, all else in all.
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u32).range(1..=100), help_heading = "Verdict")]
    pub(super) repeat: u32,
    /// File of known failures and of what held: known failures do not fail, what is lost does [baseline].
    #[arg(long, value_name = "FILE", help_heading = "Verdict")]
    pub(super) baseline: Option<String>,
    /// Write what was found into the baseline; a file that does not exist yet is begun.
    #[arg(long, requires = "baseline", conflicts_with = "fail_fast", help_heading = "Verdict")]
    pub(super) update_baseline: bool,
    /// Take what has expired or holds again out of the baseline.
    #[arg(long, requires = "baseline", help_heading = "Verdict")]
    pub(super) prune: bool,
    /// End at the first failure that is not known.
    #[arg(long, help_heading = "Verdict")]
    pub(super) fail_fast: bool,

    /// Requests at once.
    #[arg(long, value_name = "N", default_value = "4", value_parser = clap::value_parser!(u64).range(1..=64), help_heading = "How")]
    pub(super) jobs: u64,
    /// Root of every random choice.
    #[arg(long, value_name = "N", help_heading = "How")]
    pub(super) seed: Option<u64>,
    /// Wait this long for the endpoint to be ready.
    #[arg(long, value_name = "TIME", value_parser = duration, help_heading = "How")]
    pub(super) wait: Option<Duration>,
    /// Judge again while this profile loads the endpoint, and say what holds at rest only.
    #[arg(long = "while", value_name = "PROFILE", conflicts_with = "upstream", help_heading = "How")]
    pub(super) under_load: Option<String>,
    /// Tokens that prompt and answer may have together [check.context_window].
    #[arg(long, value_name = "N", help_heading = "How")]
    pub(super) context_window: Option<u64>,
    /// The model reasons before it answers, so answers need more tokens [check.reasoning].
    #[arg(long, help_heading = "How")]
    pub(super) reasoning: bool,
    /// Print every request as a command line, and send nothing.
    #[arg(long, help_heading = "How")]
    pub(super) dry_run: bool,

    /// List the catalogue instead.
    #[arg(long, help_heading = "Output")]
    pub(super) list: bool,
    /// Explain one check instead, or what the checks of an area, or of the beginning of an id, ask.
    #[arg(long, value_name = "ID", help_heading = "Output")]
    pub(super) explain: Option<String>,
    /// Keep every exchange in this folder, byte for byte, for proofload replay.
    #[arg(long, value_name = "DIR", conflicts_with = "no_bodies", help_heading = "Output")]
    pub(super) capture: Option<PathBuf>,
    #[command(flatten)]
    pub(super) output: Output,
}

/// What is judged.
#[derive(Debug, ClapArgs)]
pub(super) struct Selection {
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
    /// What the endpoint is declared to lack; what needs it is skipped [check.without].
    #[arg(long, value_name = "A,B", value_delimiter = ',', help_heading = "What is judged")]
    pub(super) without: Vec<String>,
    /// What the endpoint must have; a clean refusal of it is a failure [check.require].
    #[arg(long, value_name = "A,B", value_delimiter = ',', help_heading = "What is judged")]
    pub(super) require: Vec<String>,
}

/// What it comes to.
#[derive(Debug, ClapArgs)]
pub(super) struct VerdictArgs {
    /// Treat a warning like a failure.
    #[arg(long, help_heading = "Verdict")]
    pub(super) strict: bool,
    /// Exit with 0 where it would be 1.
    #[arg(long, help_heading = "Verdict")]
    pub(super) exit_zero: bool,
}

/// Where the report goes.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[derive(Debug, ClapArgs)]
pub(super) struct Output {
    /// Format of the report on stdout.
    #[arg(long, value_enum, default_value_t = KindArg::Text, help_heading = "Output")]
    pub(super) format: KindArg,
    /// Another report, as KIND=PATH; any number of text, json, junit, markdown and html.
    #[arg(long = "report", value_name = "KIND=PATH", value_parser = report, help_heading = "Output")]
    pub(super) reports: Vec<(Kind, PathBuf)>,
    /// Keep prompts and replies out of all that is written.
    #[arg(long, help_heading = "Output")]
    pub(super) no_bodies: bool,
    /// Keep the result in this folder instead of runs/TIME-check.
    #[arg(long, value_name = "DIR", conflicts_with = "no_out", help_heading = "Output")]
    pub(super) out: Option<PathBuf>,
    /// Do not keep the result.
    #[arg(long, help_heading = "Output")]
    pub(super) no_out: bool,
    /// List checks that passed or did not apply, too.
    #[arg(long, short, help_heading = "Output")]
    pub(super) verbose: bool,
    /// Print nothing but the report.
    #[arg(long, short, help_heading = "Output")]
    pub(super) quiet: bool,
}

#[derive(Debug, ClapArgs)]
pub(super) struct ReplayArgs {
    /// Folder that check --capture wrote.
    pub(super) folder: PathBuf,
    /// Contract to judge by: a dialect, or its folder [that of the capture].
    #[arg(long, value_name = "D", help_heading = "Verdict")]
    pub(super) dialect: Option<String>,
    /// Profile whose [levels], [check], schemas, name and baseline hold; nothing is sent, whatever else is in it.
    #[arg(long, value_name = "PROFILE", help_heading = "Verdict")]
    pub(super) profile: Option<String>,
    /// File of known failures and of what held [baseline].
    #[arg(long, value_name = "FILE", help_heading = "Verdict")]
    pub(super) baseline: Option<String>,
    /// What you call the endpoint, for the entries of a baseline that are of it only [target.name].
    #[arg(long, value_name = "NAME", help_heading = "Verdict")]
    pub(super) target_name: Option<String>,
    #[command(flatten)]
    pub(super) selection: Selection,
    #[command(flatten)]
    pub(super) verdict: VerdictArgs,
    #[command(flatten)]
    pub(super) output: Output,
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

/// Formats of the report of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum KindArg {
    Text,
    Json,
    Junit,
    Markdown,
    Html,
}

impl From<KindArg> for Kind {
    fn from(kind: KindArg) -> Kind {
        match kind {
            KindArg::Text => Kind::Text,
            KindArg::Json => Kind::Json,
            KindArg::Junit => Kind::Junit,
            KindArg::Markdown => Kind::Markdown,
            KindArg::Html => Kind::Html,
        }
    }
}

fn report(text: &str) -> Result<(Kind, PathBuf), String> {
    let kinds = Kind::ALL.map(Kind::name).join(", ");
    let (name, path) = text.split_once('=').ok_or_else(|| format!("expected KIND=PATH; the kinds are {kinds}"))?;
    let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name);
    let kind = kind.ok_or_else(|| format!("no report is called {name:?}; the kinds are {kinds}"))?;
    Ok((kind, PathBuf::from(path)))
}
