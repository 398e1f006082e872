//! The arguments of `proofload capacity`, as they are typed. Their comments are the help texts.
#![expect(clippy::doc_markdown, reason = "help texts are printed as they stand")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

use super::args::{TargetArgs, absolute, duration, finite, pair};
use crate::capacity::planning::price::PricePerHour;
use crate::capacity::record::Asked;
use crate::plan::secret::{masked_by_spans, spans_written};
use crate::profile::flags::Flags;
use crate::profile::secrets::{is_secret_key, shown_address};
use crate::report::capacity::{Dress, Kind};
use crate::wire::plain::line;

const EXAMPLES: &str = "Examples:
  proofload capacity capacity
  proofload capacity chat --url http://127.0.0.1:8000/v1 --rate 2 --max-time 20m
  proofload capacity chat --url http://127.0.0.1:8000/v1 --concurrency 4 --format json
  proofload capacity --resume runs/20261125T120000Z-capacity-chat chat
  proofload capacity verify @last --duration 30m
  proofload capacity plan @last --demand 120 --price 2.50 --headroom 30% --start-time 3m
  proofload capacity plan @last --demand day.csv --price 2.50 --scenario 1,1.5,2,3 --format html
  proofload capacity report @last --format html --prepared-for finance
  proofload capacity compare runs/a runs/b runs/c

The load must meet the goals of the profile, and those of single cases under [capacity.goals]. The answer
goes to stdout, progress to stderr; each stage is saved as a run.
Exit codes: 0 a load meets the goals, 1 no load that was tried does, 3 the client or a limit ended the search
before it had an answer. Of verify: 0 the goals held for that time, 1 they broke, 3 not known.";

#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct CapacityArgs {
    #[command(subcommand)]
    pub(super) command: Option<CapacityCommand>,
    #[command(flatten)]
    pub(super) search: SearchArgs,
}

#[derive(Debug, Subcommand)]
pub(super) enum CapacityCommand {
    /// Run at the lower bound of an answer for longer than a stage: do the goals still hold?
    Verify(Box<VerifyArgs>),
    /// Plan replicas, utilisation and cost from an answer and a demand. Offline.
    Plan(Box<PlanArgs>),
    /// Print the report of an earlier search. Offline.
    Report(AgainArgs),
    /// Rank the answers of several configurations with the same goals.
    Compare(CompareArgs),
}

/// Flags with a key in brackets replace that key of the profile.
#[derive(Debug, ClapArgs)]
pub(super) struct SearchArgs {
    /// Path of a profile, or name of a preset.
    // Not there where a subcommand is.
    #[arg(required = true)]
    pub(super) profile: Option<String>,

    /// Base URL, or the full URL of the endpoint [target.url].
    #[arg(long, value_name = "URL", help_heading = "Target")]
    url: Option<String>,
    #[command(flatten)]
    target: TargetArgs,

    /// Search over concurrency, starting with this many requests in flight [load.closed.concurrency].
    #[arg(long, value_name = "N", conflicts_with = "rate", help_heading = "Search")]
    concurrency: Option<u64>,
    /// Old name of --concurrency.
    #[arg(long, value_name = "N", conflicts_with_all = ["rate", "concurrency"], hide = true)]
    slots: Option<u64>,
    /// Search over rates, starting with this many requests per second [load.open.rate].
    #[arg(long, value_name = "R", value_parser = finite, help_heading = "Search")]
    rate: Option<f64>,
    /// Highest load to try [capacity.to].
    #[arg(long, value_name = "R", value_parser = finite, help_heading = "Search")]
    to: Option<f64>,
    /// Relative distance between the bounds at which the search ends, such as 0.05 [capacity.precision].
    #[arg(long, value_name = "SHARE", value_parser = finite, help_heading = "Search")]
    precision: Option<f64>,
    /// Minimum measured time of a stage [capacity.stage].
    #[arg(long, value_name = "TIME", help_heading = "Search")]
    stage: Option<String>,
    /// Minimum measured time of a confirming stage [capacity.confirm].
    #[arg(long, value_name = "TIME", help_heading = "Search")]
    confirm: Option<String>,
    /// Random seed, from which each stage derives its own [seed].
    #[arg(long, value_name = "N", help_heading = "Search")]
    seed: Option<u64>,
    /// Start no stage that would end after this time [limits.max_time].
    #[arg(long, value_name = "TIME", help_heading = "Search")]
    max_time: Option<String>,
    /// Start no stage that would exceed this many requests in total [limits.max_requests].
    #[arg(long, value_name = "N", help_heading = "Search")]
    max_requests: Option<u64>,
    /// Start no stage that would exceed this many tokens in total [limits.max_tokens].
    #[arg(long, value_name = "N", help_heading = "Search")]
    max_tokens: Option<u64>,
    /// Start no stage that would exceed this cost in total; needs capacity.price [capacity.max_cost].
    #[arg(long, value_name = "M", value_parser = finite, help_heading = "Search")]
    max_cost: Option<f64>,
    /// Goal, such as "ttft.p95 < 500ms"; replaces the profile's goals except those on failures [goals].
    #[arg(long = "goal", value_name = "GOAL", help_heading = "Search")]
    goals: Vec<String>,
    /// Label of the search, as NAME=VALUE [labels].
    #[arg(long = "label", value_name = "N=V", value_parser = pair, help_heading = "Search")]
    labels: Vec<(String, String)>,
    /// File of known violations, which are counted and shown but do not fail [baseline].
    #[arg(long, value_name = "FILE", help_heading = "Search")]
    baseline: Option<String>,
    /// Set any key of the profile, such as capacity.cooldown=5s.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = pair, help_heading = "Search")]
    set: Vec<(String, String)>,

    /// Wait up to this long until the endpoint is ready; not part of any figure.
    #[arg(long, value_name = "TIME", value_parser = duration, help_heading = "Output")]
    pub(super) wait: Option<Duration>,
    #[command(flatten)]
    pub(super) output: OutputArgs,
    /// Save the search in this folder instead of runs/TIME-capacity-PROFILE.
    #[arg(long, value_name = "DIR", conflicts_with = "resume", help_heading = "Output")]
    pub(super) out: Option<PathBuf>,
    /// Continue the search in this folder.
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub(super) resume: Option<PathBuf>,
    /// Print only the report.
    #[arg(long, short, help_heading = "Output")]
    pub(super) quiet: bool,
}

/// How a report is written.
#[derive(Debug, ClapArgs)]
pub(super) struct OutputArgs {
    /// Format of the report on stdout.
    #[arg(long, value_enum, default_value_t = KindArg::Text, help_heading = "Output")]
    pub(super) format: KindArg,
    /// Title of the report.
    #[arg(long, value_name = "TEXT", help_heading = "Output")]
    pub(super) title: Option<String>,
    /// Recipient named in the report.
    #[arg(long, value_name = "TEXT", help_heading = "Output")]
    pub(super) prepared_for: Option<String>,
}

impl OutputArgs {
    /// What the report is dressed in.
    pub(super) fn dress(&self) -> Dress {
        let plain = |text: &Option<String>| text.as_deref().map(line);
        Dress { title: plain(&self.title), prepared_for: plain(&self.prepared_for) }
    }
}

impl SearchArgs {
    /// The concurrency to begin with, by either of its flags.
    fn concurrency(&self) -> Option<u64> {
        self.concurrency.or(self.slots)
    }

    /// What the flags change in the profile.
    pub(super) fn flags(&self) -> Flags {
        let number = |key: &str, value: Option<f64>| value.map(|value| (key.to_owned(), value.to_string()));
        let text = |key: &str, value: &Option<String>| value.clone().map(|value| (key.to_owned(), value));
        let own = [
            number("capacity.to", self.to),
            number("capacity.precision", self.precision),
            number("capacity.max_cost", self.max_cost),
            number("capacity.from", self.rate),
            number("capacity.from", self.concurrency().map(|concurrency| concurrency as f64)),
            text("capacity.stage", &self.stage),
            text("capacity.confirm", &self.confirm),
        ];
        Flags {
            url: self.url.clone(),
            concurrency: self.concurrency(),
            rate: self.rate,
            seed: self.seed,
            labels: self.labels.clone(),
            goals: self.goals.clone(),
            max_time: self.max_time.clone(),
            max_requests: self.max_requests,
            max_tokens: self.max_tokens,
            baseline: self.baseline.as_ref().map(|file| absolute(file)),
            set: own.into_iter().flatten().chain(self.set.clone()).collect(),
            ..self.target.flags()
        }
    }
}

impl SearchArgs {
    /// The flags that shape the requests, as words for `proofload run`; those of the load and of the search are not.
    /// `target` is the address without its secrets.
    pub(super) fn words(&self, target: &str) -> Vec<String> {
        let pairs = |flag: &'static str, pairs: &[(String, String)]| {
            pairs
                .iter()
                .flat_map(|(name, value)| [flag.to_owned(), format!("{name}={}", shown(name, value))])
                .collect::<Vec<_>>()
        };
        let url = self.url.as_ref().map(|_| ["--url".to_owned(), target.to_owned()]);
        let baseline = self.baseline.clone().map(|file| ["--baseline".to_owned(), file]);
        let own = url.into_iter().chain(baseline);
        let goals = self.goals.iter().flat_map(|goal| ["--goal".to_owned(), goal.clone()]);
        let shapes = |key: &str| !["capacity.", "limits.", "load."].iter().any(|table| key.starts_with(table));
        let set: Vec<_> = self.set.iter().filter(|(key, _)| shapes(key)).cloned().collect();
        let target = self.target.words();
        own.flatten()
            .chain(target)
            .chain(goals)
            .chain(pairs("--label", &self.labels))
            .chain(pairs("--set", &set))
            .collect()
    }
}

/// The value of a key as it may be kept: an address without its user, a variable for a header that is a secret.
fn shown(key: &str, value: &str) -> String {
    if is_secret_key(key) && !value.contains("${") {
        return "${SECRET}".to_owned();
    }
    shown_address(key, value)
        .unwrap_or_else(|| masked_by_spans(value, &spans_written(value, |_| !key.starts_with("target"))))
}

impl SearchArgs {
    /// The flags of the load and of the search, as words of a command line; its bounds are not.
    pub(super) fn terms(&self) -> Vec<String> {
        let number = |flag: &str, value: Option<f64>| value.map(|value| [flag.to_owned(), value.to_string()]);
        let text = |flag: &str, value: &Option<String>| value.clone().map(|value| [flag.to_owned(), value]);
        let own = [
            number("--concurrency", self.concurrency().map(|concurrency| concurrency as f64)),
            number("--rate", self.rate),
            number("--to", self.to),
            number("--precision", self.precision),
            text("--stage", &self.stage),
            text("--confirm", &self.confirm),
        ];
        let of_load = |key: &str| ["capacity.", "load."].iter().any(|table| key.starts_with(table));
        let set = self.set.iter().filter(|(key, _)| of_load(key));
        let set = set.flat_map(|(key, value)| ["--set".to_owned(), format!("{key}={value}")]);
        own.into_iter().flatten().flatten().chain(set).collect()
    }
}

/// A search that was kept, run on for longer.
#[derive(Debug, ClapArgs)]
pub(super) struct VerifyArgs {
    /// Folder of a search; @last is the newest under runs/.
    pub(super) search: String,
    /// Measured time, after a warm-up.
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "30m")]
    pub(super) duration: Duration,
    /// Base URL, or the full URL of the endpoint, if the saved one lacks its secret [target.url].
    #[arg(long, value_name = "URL", help_heading = "Target")]
    url: Option<String>,
    #[command(flatten)]
    target: TargetArgs,
    /// Stop after this many requests; the result is then not known.
    #[arg(long, value_name = "N")]
    pub(super) max_requests: Option<u64>,
    /// Stop after this many tokens; the result is then not known.
    #[arg(long, value_name = "N")]
    pub(super) max_tokens: Option<u64>,
    /// Wait up to this long until the endpoint is ready; not part of any figure.
    #[arg(long, value_name = "TIME", value_parser = duration, help_heading = "Output")]
    pub(super) wait: Option<Duration>,
    #[command(flatten)]
    pub(super) output: OutputArgs,
    /// Print only the report.
    #[arg(long, short, help_heading = "Output")]
    pub(super) quiet: bool,
}

/// The words of a search, read again.
#[derive(Debug, Parser)]
struct Again {
    #[command(flatten)]
    search: SearchArgs,
}

impl VerifyArgs {
    /// The arguments of a search that is kept in a folder.
    ///
    /// # Errors
    /// If this version does not know them.
    pub(super) fn again(asked: &Asked, folder: &Path) -> anyhow::Result<SearchArgs> {
        let words = ["capacity", &asked.reference].map(str::to_owned).into_iter();
        let words = words.chain(asked.flags.iter().cloned()).chain(asked.terms.iter().cloned());
        let Again { search } =
            Again::try_parse_from(words).context("the search was kept with flags that are unknown")?;
        Ok(SearchArgs { resume: Some(folder.to_path_buf()), ..search })
    }

    /// What the flags of the search change in the profile, and those of this command over them.
    pub(super) fn flags(&self, search: &SearchArgs) -> Flags {
        let (before, own) = (search.flags(), self.target.flags());
        let given = |name: &str| own.headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name));
        let kept = before.headers.into_iter().filter(|(name, _)| !given(name));
        Flags {
            headers: kept.chain(own.headers.clone()).collect(),
            url: self.url.clone().or(before.url),
            target_name: own.target_name.or(before.target_name),
            dialect: own.dialect.or(before.dialect),
            model: own.model.or(before.model),
            key_env: own.key_env.or(before.key_env),
            no_preflight: own.no_preflight || before.no_preflight,
            ..before
        }
    }
}

/// Formats of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum KindArg {
    Text,
    Json,
    Markdown,
    Csv,
    Html,
}

impl From<KindArg> for Kind {
    fn from(kind: KindArg) -> Kind {
        match kind {
            KindArg::Text => Kind::Text,
            KindArg::Json => Kind::Json,
            KindArg::Markdown => Kind::Markdown,
            KindArg::Csv => Kind::Csv,
            KindArg::Html => Kind::Html,
        }
    }
}

#[derive(Debug, ClapArgs)]
pub(super) struct PlanArgs {
    /// Folder of a search; @last is the newest under runs/.
    pub(super) search: String,
    /// Demand: requests per second, a CSV of a day (time, rate), or a trace (one time in seconds a line).
    #[arg(long, value_name = "R|FILE")]
    pub(super) demand: String,
    /// Price of a replica per hour.
    #[arg(long, value_name = "M", default_value = "0")]
    pub(super) price: PricePerHour,
    /// Price of a million prompt and completion tokens on top of the replicas, such as 0.5,1.5; or metadata, for the cost
    /// that the metadata of the replies states.
    #[arg(long, value_name = "IN,OUT")]
    pub(super) token_price: Option<String>,
    /// Name of the currency.
    #[arg(long, value_name = "NAME", default_value = "USD")]
    pub(super) currency: String,
    /// Share of each replica to keep free, such as 30%.
    #[arg(long, value_name = "SHARE", default_value = "30%")]
    pub(super) headroom: String,
    /// Start time of a replica, which is started that long before it is needed.
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "3m")]
    pub(super) start_time: Duration,
    /// Factors of the demand to plan for.
    #[arg(long, value_name = "A,B", value_delimiter = ',', value_parser = finite, default_value = "1")]
    pub(super) scenario: Vec<f64>,
    /// Searches with N replicas behind one address, such as 1=runs/a,2=runs/b, to measure how replicas scale.
    #[arg(long, value_name = "N=RUN", value_delimiter = ',', value_parser = pair)]
    pub(super) measured: Vec<(String, String)>,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

#[derive(Debug, ClapArgs)]
pub(super) struct AgainArgs {
    /// Folder of a search; @last is the newest under runs/.
    pub(super) search: String,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

#[derive(Debug, ClapArgs)]
pub(super) struct CompareArgs {
    /// Folders of the searches.
    #[arg(required = true, num_args = 2..)]
    pub(super) searches: Vec<String>,
    /// Format of the report on stdout: text, json, markdown or csv.
    #[arg(long, value_enum, default_value_t = KindArg::Text)]
    pub(super) format: KindArg,
}
