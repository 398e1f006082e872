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
    /// Base URL or full URL of an endpoint, path of a profile, or name of a preset. Several targets give one matrix, as
    /// several models do (--model a,b).
    #[arg(required_unless_present_any = ["list", "explain"], value_name = "TARGET")]
    pub(super) targets: Vec<String>,

    #[command(flatten)]
    pub(super) target_flags: TargetArgs,
    /// Server behind the gateway, which is judged too: only rules that the gateway itself breaks fail. The gateway's key
    /// and its secret headers are not sent there.
    #[arg(long, value_name = "URL", help_heading = "Target")]
    pub(super) upstream: Option<String>,
    /// Environment variable with the API key for --upstream; without it, no key is sent there.
    #[arg(long, value_name = "NAME", requires = "upstream", help_heading = "Target")]
    pub(super) upstream_key_env: Option<String>,

    #[command(flatten)]
    pub(super) selection: Selection,
    #[command(flatten)]
    pub(super) verdict: VerdictArgs,

    /// Repeat everything N times; rules that depend on the model must hold in most tries, all others in every try.
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u32).range(1..=100), help_heading = "Verdict")]
    pub(super) repeat: u32,
    /// File of known failures, which do not fail, and of rules that held, which must still hold [baseline].
    #[arg(long, value_name = "FILE", help_heading = "Verdict")]
    pub(super) baseline: Option<String>,
    /// Write the results into the baseline, and create the file if it does not exist.
    #[arg(long, requires = "baseline", conflicts_with = "fail_fast", help_heading = "Verdict")]
    pub(super) update_baseline: bool,
    /// Remove entries from the baseline that have expired or hold again.
    #[arg(long, requires = "baseline", help_heading = "Verdict")]
    pub(super) prune: bool,
    /// Stop at the first unknown failure.
    #[arg(long, help_heading = "Verdict")]
    pub(super) fail_fast: bool,

    /// Requests sent in parallel.
    #[arg(long, value_name = "N", default_value = "4", value_parser = clap::value_parser!(u64).range(1..=64), help_heading = "How")]
    pub(super) jobs: u64,
    /// Random seed.
    #[arg(long, value_name = "N", help_heading = "How")]
    pub(super) seed: Option<u64>,
    /// Wait up to this long until the endpoint is ready.
    #[arg(long, value_name = "TIME", value_parser = duration, help_heading = "How")]
    pub(super) wait: Option<Duration>,
    /// Judge again while this profile loads the endpoint, and report rules that hold only at rest.
    #[arg(long = "while", value_name = "PROFILE", conflicts_with = "upstream", help_heading = "How")]
    pub(super) under_load: Option<String>,
    /// Context window: tokens of prompt and answer together [check.context_window].
    #[arg(long, value_name = "N", help_heading = "How")]
    pub(super) context_window: Option<u64>,
    /// The model reasons before it answers, so answers need more tokens [check.reasoning].
    #[arg(long, help_heading = "How")]
    pub(super) reasoning: bool,
    /// Send nothing; print each request as a curl command.
    #[arg(long, help_heading = "How")]
    pub(super) dry_run: bool,

    /// List the rules instead.
    #[arg(long, help_heading = "Output")]
    pub(super) list: bool,
    /// Explain one check instead, or what the checks of an area, or of the beginning of an id, ask.
    #[arg(long, value_name = "ID", help_heading = "Output")]
    pub(super) explain: Option<String>,
    /// Save every exchange in this folder, byte for byte, for proofload replay.
    #[arg(long, value_name = "DIR", conflicts_with = "no_bodies", help_heading = "Output")]
    pub(super) capture: Option<PathBuf>,
    #[command(flatten)]
    pub(super) output: Output,
}

/// What is judged.
#[derive(Debug, ClapArgs)]
pub(super) struct Selection {
    /// Tier of the catalogue to judge; each tier includes the ones before it.
    #[arg(long, value_enum, default_value_t = TierArg::Core, help_heading = "What is judged")]
    pub(super) tier: TierArg,
    /// Areas of the catalogue to judge.
    #[arg(long, value_name = "A,B", value_delimiter = ',', help_heading = "What is judged")]
    pub(super) area: Vec<String>,
    /// Rules to judge, by id, regardless of tier.
    #[arg(long, value_name = "ID,ID", value_delimiter = ',', help_heading = "What is judged")]
    pub(super) only: Vec<String>,
    /// Rules to skip, by id.
    #[arg(long, value_name = "ID,ID", value_delimiter = ',', help_heading = "What is judged")]
    pub(super) skip: Vec<String>,
    /// Lowest level of the rules to judge.
    #[arg(long, value_enum, help_heading = "What is judged")]
    pub(super) level: Option<LevelArg>,
    /// Features that the endpoint lacks; rules that need them are skipped [check.without].
    #[arg(long, value_name = "A,B", value_delimiter = ',', help_heading = "What is judged")]
    pub(super) without: Vec<String>,
    /// Features that the endpoint must have; a clean refusal is then a failure [check.require].
    #[arg(long, value_name = "A,B", value_delimiter = ',', help_heading = "What is judged")]
    pub(super) require: Vec<String>,
}

/// What it comes to.
#[derive(Debug, ClapArgs)]
pub(super) struct VerdictArgs {
    /// Treat warnings as failures.
    #[arg(long, help_heading = "Verdict")]
    pub(super) strict: bool,
    /// Exit with 0 instead of 1.
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
    /// Write another report, as KIND=PATH; repeatable. Kinds: text, json, junit, markdown, html.
    #[arg(long = "report", value_name = "KIND=PATH", value_parser = report, help_heading = "Output")]
    pub(super) reports: Vec<(Kind, PathBuf)>,
    /// Leave prompts and replies out of everything that is written.
    #[arg(long, help_heading = "Output")]
    pub(super) no_bodies: bool,
    /// Save the result in this folder instead of runs/TIME-check.
    #[arg(long, value_name = "DIR", conflicts_with = "no_out", help_heading = "Output")]
    pub(super) out: Option<PathBuf>,
    /// Do not save the result.
    #[arg(long, help_heading = "Output")]
    pub(super) no_out: bool,
    /// Also list rules that passed or did not apply.
    #[arg(long, short, help_heading = "Output")]
    pub(super) verbose: bool,
    /// Print only the report.
    #[arg(long, short, help_heading = "Output")]
    pub(super) quiet: bool,
}

#[derive(Debug, ClapArgs)]
pub(super) struct ReplayArgs {
    /// Folder written by check --capture.
    pub(super) folder: PathBuf,
    /// Contract to judge by: a dialect, or its folder [that of the capture].
    #[arg(long, value_name = "D", help_heading = "Verdict")]
    pub(super) dialect: Option<String>,
    /// Profile to take [levels], [check], schemas, name and baseline from; nothing is sent.
    #[arg(long, value_name = "PROFILE", help_heading = "Verdict")]
    pub(super) profile: Option<String>,
    /// File of known failures, and of rules that held [baseline].
    #[arg(long, value_name = "FILE", help_heading = "Verdict")]
    pub(super) baseline: Option<String>,
    /// Name of the endpoint, for baseline entries that apply to it alone [target.name].
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
    /// Rules for every endpoint.
    Core,
    /// All rules whose probes do no harm.
    Full,
    /// Also rules whose probes are costly or hostile to the endpoint.
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
