//! The arguments, as they are typed. Their comments are the help texts.
#![expect(clippy::doc_markdown, reason = "help texts are printed as they stand")]

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use url::Url;

use super::capacity_args::CapacityArgs;
use super::check_args::{CheckArgs, ReplayArgs};
use super::compare_args::CompareArgs;
use super::history::HistoryArgs;
use crate::plan::prompt::tokenizer::is_file;
use crate::plan::schedule::Shard;
use crate::plan::secret::may_cross;
use crate::profile::contracts;
use crate::profile::flags::Flags;
use crate::reference::Rate;
use crate::reference::capacity::Capacity;
use crate::report::Format;
use crate::summary::metrics_as::Tool;

/// Loads chat-completions endpoints, judges every reply against the written contract, and gives one verdict.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, propagate_version = true, after_help = EXIT_CODES)]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) command: Command,
}

const EXIT_CODES: &str = "Exit codes:
  0    everything held
  1    a MUST check or a goal is broken, no request was ok, or a comparison found a regression
  2    the command line or the profile is wrong, or a place cannot be written to; nothing was sent
  3    no HTTP answer, refused before the load, nothing asserted, or the measurement is invalid
  4    a summary is incomplete or of another format, or runs do not belong together
  5    everything held, but not all that was measured could be kept
  130  interrupted, report written";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Load an endpoint, judge every reply, report.
    Run(Box<RunArgs>),
    /// Judge an endpoint by the whole catalogue of checks.
    Check(Box<CheckArgs>),
    /// Judge what check --capture kept again, without the endpoint.
    Replay(Box<ReplayArgs>),
    /// Search for the highest load that holds the goals, and plan with it.
    Capacity(Box<CapacityArgs>),
    /// Serve the built-in reference endpoint.
    Serve(Box<ServeArgs>),
    /// Put the parts of a run that several machines shared together, and report.
    Merge(MergeArgs),
    /// Print the report of an earlier run or check again.
    Report(ReportArgs),
    /// Compare runs with a base: what changed, how sure that is, better or worse.
    Compare(CompareArgs),
    /// List the runs and checks in a folder.
    History(HistoryArgs),
    /// Check, describe or start a profile.
    Profile {
        #[command(subcommand)]
        command: ProfileCommand,
    },
}

const RUN_EXAMPLES: &str = "Examples:
  proofload run quickstart
  proofload run chat --url http://127.0.0.1:8000/v1 --rate 10 --duration 1m
  proofload run chat --url http://127.0.0.1:8000/v1 --slots 64 --count 640 --format json
  proofload run smoke --url https://api.pulze.ai/v1 --dialect pulze --key-env PULZE_API_KEY
  proofload run my.toml --set case.0.max_tokens=16 --label gpu=h200
  proofload run my.toml --url http://new:8000/v1 --against http://old:8000/v1 --repeat 5

Presets: quickstart, smoke, chat, long-prompts, tool-calls, capacity.
The report goes to stdout, progress to stderr; the run is kept in runs/.";

/// Every flag but the last group stands for a key of the profile, which it replaces.
#[derive(Debug, ClapArgs)]
#[command(after_help = RUN_EXAMPLES)]
pub(super) struct RunArgs {
    /// A profile's path, or the name of a preset.
    pub(super) profile: String,

    /// Base address, or the endpoint's full path [target.url].
    #[arg(long, value_name = "URL", help_heading = "Target")]
    url: Option<String>,
    #[command(flatten)]
    target: TargetArgs,

    /// Closed loop with this many requests in flight [load.closed.slots].
    #[arg(long, value_name = "N", conflicts_with = "rate", help_heading = "Load")]
    slots: Option<u64>,
    /// Open loop with this many requests per second [load.open.rate].
    #[arg(long, value_name = "R", value_parser = finite, allow_negative_numbers = true, help_heading = "Load")]
    rate: Option<f64>,
    /// How many requests [load.*.count; replaces the profile's duration and warm-up unless --duration is given too].
    #[arg(long, value_name = "N", help_heading = "Load")]
    count: Option<u64>,
    /// For how long, as in 30s [load.*.duration; replaces the profile's count unless that is given too].
    #[arg(long, value_name = "TIME", help_heading = "Load")]
    duration: Option<String>,
    /// Make prompts of so many tokens, as 1024 or uniform:100:2000 [case.*.input_tokens; replaces the cases' messages].
    #[arg(long, value_name = "N", help_heading = "Load")]
    input_tokens: Option<String>,
    /// Ask for answers of so many tokens [case.*.output_tokens; replaces the cases' max_tokens].
    #[arg(long, value_name = "N", help_heading = "Load")]
    output_tokens: Option<String>,
    /// The model's tokenizer: o200k_base, cl100k_base or a tokenizer.json; answers are counted with it, too [target.tokenizer].
    #[arg(long, value_name = "T", help_heading = "Load")]
    tokenizer: Option<String>,
    /// Root of lengths, order and times; the same seed repeats the plan, with other text [seed].
    #[arg(long, value_name = "N", help_heading = "Load")]
    seed: Option<u64>,
    /// Root of tags and made text, drawn for each run without it; the same seed and salt repeat every byte [salt].
    #[arg(long, value_name = "N", help_heading = "Load")]
    salt: Option<u64>,
    /// Carry out this part of the plan only, as 1/4 to 4/4 on four machines; proofload merge puts the parts together.
    /// All parts need the same --seed, and the same --salt, which should be another one for each run.
    #[arg(long, value_name = "K/N", conflicts_with_all = ["sweep", "repeat"], help_heading = "Load")]
    pub(super) shard: Option<Shard>,
    /// Send nothing after this time [limits.max_time].
    #[arg(long, value_name = "TIME", help_heading = "Load")]
    max_time: Option<String>,
    /// Send no more than this many requests [limits.max_requests].
    #[arg(long, value_name = "N", help_heading = "Load")]
    max_requests: Option<u64>,
    /// Send nothing once replies have cost this many tokens [limits.max_tokens].
    #[arg(long, value_name = "N", help_heading = "Load")]
    max_tokens: Option<u64>,

    /// What you call this run, as NAME=VALUE [labels].
    #[arg(long = "label", value_name = "N=V", value_parser = pair, help_heading = "Verdict")]
    labels: Vec<(String, String)>,
    /// What must hold, as "ttft.p95 < 500ms"; replaces the profile's goals, but keeps those on failures [goals].
    #[arg(long = "goal", value_name = "GOAL", help_heading = "Verdict")]
    goals: Vec<String>,
    /// File of known violations: counted and shown, but no failure [baseline].
    #[arg(long, value_name = "FILE", help_heading = "Verdict")]
    baseline: Option<String>,
    /// Send nothing; print the first N requests as curl, and what the plan comes to.
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_missing_value = "3", help_heading = "Output")]
    pub(super) dry_run: Option<usize>,
    /// One run for each of these values of a key, or for each combination where given several times, as in slots=1,2,4.
    #[arg(long = "sweep", value_name = "KEY=A,B", value_parser = pair, help_heading = "Load")]
    pub(super) sweep: Vec<(String, String)>,
    /// Make this many runs, each with a seed and a salt of its own, in folders run-1, run-2 and so on.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000), conflicts_with = "sweep", help_heading = "Load")]
    pub(super) repeat: Option<u32>,
    /// Run in turn with this endpoint, as ABBA, and compare: it is the base. Both sides of a pair have the same seed.
    #[arg(long, value_name = "URL", requires = "repeat", help_heading = "Target")]
    pub(super) against: Option<String>,
    /// Environment variable that holds the API key for --against; without it, no key of yours is sent to another origin.
    #[arg(long, value_name = "NAME", requires = "against", help_heading = "Target")]
    against_key_env: Option<String>,
    /// A header of every request to --against, as NAME=VALUE. Headers that are secrets, or made from variables, are not
    /// sent to another origin by themselves.
    #[arg(long = "against-header", value_name = "N=V", value_parser = pair, requires = "against", help_heading = "Target")]
    against_headers: Vec<(String, String)>,
    /// Any key of the profile, as in load.open.warmup=5s or case.0.temperature=0.2.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = pair, help_heading = "Verdict")]
    set: Vec<(String, String)>,

    /// Wait this long for the endpoint to be ready; outside all figures.
    #[arg(long, value_name = "TIME", value_parser = duration, help_heading = "Output")]
    pub(super) wait: Option<Duration>,
    /// Read this page of metrics once a second beside the load, or /metrics of the target [target.scrape].
    #[arg(long, value_name = "URL", num_args = 0..=1, default_missing_value = "auto", help_heading = "Target")]
    scrape: Option<String>,
    /// Add our figures beside those of other tools, from the same streams, to the text: vllm, aiperf.
    #[arg(long, value_name = "A,B", value_delimiter = ',', value_parser = tool, help_heading = "Output")]
    pub(super) metrics_as: Vec<Tool>,
    /// Format of the report on stdout: text for people, json (the digest) for scripts.
    #[arg(long, value_enum, default_value_t = FormatArg::Text, help_heading = "Output")]
    pub(super) format: FormatArg,
    /// Another report, as KIND=PATH; any number of text, json, html, junit, markdown, csv (a row for each second),
    /// totals (one row), openmetrics, vllm (as vllm bench serve --save-result) and hlog (HdrHistogram's interval log).
    #[arg(
        long = "report",
        value_name = "KIND=PATH",
        value_parser = report,
        conflicts_with_all = ["sweep", "repeat"],
        help_heading = "Output"
    )]
    pub(super) reports: Vec<(Format, PathBuf)>,
    /// Keep the run in this folder instead of runs/TIME-PROFILE.
    #[arg(long, value_name = "DIR", conflicts_with = "no_out", help_heading = "Output")]
    pub(super) out: Option<PathBuf>,
    /// Keep a line for every exchange, too, in exchanges.jsonl.zst; with =bodies, what was sent and what came as well.
    #[arg(
        long,
        value_name = "WHAT",
        value_enum,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "times",
        conflicts_with_all = ["no_out", "sweep", "repeat"],
        help_heading = "Output"
    )]
    pub(super) journal: Option<JournalArg>,
    /// Do not keep the run.
    #[arg(long, help_heading = "Output")]
    pub(super) no_out: bool,
    /// Print nothing but the report.
    #[arg(long, short, help_heading = "Output")]
    pub(super) quiet: bool,
    /// Exit with 0 where it would be 1.
    #[arg(long, help_heading = "Output")]
    pub(super) exit_zero: bool,
}

impl RunArgs {
    /// The same for the endpoint that is run against. Where that is of another origin than `own`, it is somebody else's, and
    /// gets a key and secret headers of its own or none.
    pub(super) fn flags_against(&self, address: &str, own: &Url) -> Flags {
        let is_ours = Url::parse(address).is_ok_and(|url| url.origin() == own.origin());
        let target = if is_ours { self.target.flags() } else { self.target.flags_behind(None) };
        let headers = target.headers.into_iter().chain(self.against_headers.iter().cloned()).collect();
        Flags {
            url: Some(address.to_owned()),
            key_env: self.against_key_env.clone().or(target.key_env),
            headers,
            elsewhere: !is_ours,
            ..self.flags()
        }
    }

    /// What the flags change in the profile.
    pub(super) fn flags(&self) -> Flags {
        Flags {
            url: self.url.clone(),
            slots: self.slots,
            rate: self.rate,
            count: self.count,
            duration: self.duration.clone(),
            input_tokens: self.input_tokens.clone(),
            output_tokens: self.output_tokens.clone(),
            seed: self.seed,
            salt: self.salt,
            scrape: self.scrape.clone(),
            tokenizer: self
                .tokenizer
                .as_deref()
                .map(|name| if is_file(name) { absolute(name) } else { name.to_owned() }),
            labels: self.labels.clone(),
            max_time: self.max_time.clone(),
            max_requests: self.max_requests,
            max_tokens: self.max_tokens,
            goals: self.goals.clone(),
            baseline: self.baseline.as_ref().map(|file| absolute(file)),
            set: self.set.clone(),
            ..self.target.flags()
        }
    }
}

/// Which endpoint, beside its address.
#[derive(Debug, ClapArgs)]
pub(super) struct TargetArgs {
    /// What you call the endpoint, for the entries of a baseline that are of it only [target.name].
    #[arg(long, value_name = "NAME", help_heading = "Target")]
    target_name: Option<String>,
    #[arg(long, value_name = "D", help_heading = "Target", help = target_dialect())]
    dialect: Option<String>,
    /// Model to ask for [target.model; without it, /models is asked].
    #[arg(long, value_name = "M", help_heading = "Target")]
    pub(super) model: Option<String>,
    /// Environment variable that holds the API key [target.key_env].
    #[arg(long, value_name = "NAME", help_heading = "Target")]
    key_env: Option<String>,
    /// A header of every request, as NAME=VALUE [target.headers].
    #[arg(long = "header", value_name = "N=V", value_parser = pair, help_heading = "Target")]
    headers: Vec<(String, String)>,
    /// A header whose value may be shown and kept, though its name or a variable in it makes it a secret
    /// [target.public_headers].
    #[arg(long = "public-header", value_name = "NAME", help_heading = "Target")]
    public_headers: Vec<String>,
    /// Send no first request alone before a load, to see that the load is let in [target.preflight = false].
    #[arg(long, help_heading = "Target")]
    no_preflight: bool,
}

impl TargetArgs {
    /// What the flags change in the profile.
    pub(super) fn flags(&self) -> Flags {
        Flags {
            target_name: self.target_name.clone(),
            dialect: self.dialect.as_deref().map(dialect),
            model: self.model.clone(),
            key_env: self.key_env.clone(),
            headers: self.headers.clone(),
            public_headers: self.public_headers.clone(),
            no_preflight: self.no_preflight,
            ..Flags::default()
        }
    }

    /// The same as words of a command line, in which a variable stands for a header's secret.
    pub(super) fn words(&self) -> Vec<String> {
        let texts = [
            ("--target-name", &self.target_name),
            ("--dialect", &self.dialect),
            ("--model", &self.model),
            ("--key-env", &self.key_env),
        ];
        let texts = texts.into_iter().filter_map(|(flag, text)| Some([flag.to_owned(), text.clone()?])).flatten();
        let headers = self.headers.iter().flat_map(|(name, value)| {
            let is_shown = value.contains("${") || may_cross(name, value, &self.public_headers);
            ["--header".to_owned(), format!("{name}={}", if is_shown { value } else { "${SECRET}" })]
        });
        let public = self.public_headers.iter().flat_map(|name| ["--public-header".to_owned(), name.clone()]);
        texts.chain(headers).chain(public).collect()
    }

    /// The same for what stands behind a gateway, which is somebody else's: it gets a key of its own or none, and no
    /// header that is a secret or made from one.
    pub(super) fn flags_behind(&self, key_env: Option<&String>) -> Flags {
        let goes_there = |(name, value): &&(String, String)| may_cross(name, value, &self.public_headers);
        let headers = self.headers.iter().filter(goes_there).cloned().collect();
        Flags { key_env: key_env.cloned(), headers, ..self.flags() }
    }
}

/// A path given on the command line is relative to where the user stands, not to the profile.
pub(super) fn absolute(file: &str) -> String {
    std::path::absolute(file).map_or_else(|_| file.to_owned(), |path| path.to_string_lossy().into_owned())
}

/// A dialect given on the command line: a name, or a folder relative to where the user stands.
pub(super) fn dialect(written: &str) -> String {
    if contracts::is_folder(written) { absolute(written) } else { written.to_owned() }
}

fn target_dialect() -> String {
    format!(
        "Contract: {}, or a folder of your own [target.dialect; openai for a URL, pulze for the built-in endpoint]",
        contracts::names().join(", ")
    )
}

fn served_dialect() -> String {
    format!("Contract to keep: {}, or a folder of your own", contracts::names().join(", "))
}

/// What a journal holds of each exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum JournalArg {
    /// Instants, outcome, tokens and broken checks.
    Times,
    /// The bodies of request and reply, too.
    Bodies,
}

/// Formats of a report: text for people, the digest for scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FormatArg {
    Text,
    Json,
}

impl From<FormatArg> for Format {
    fn from(format: FormatArg) -> Self {
        match format {
            FormatArg::Text => Format::Text,
            FormatArg::Json => Format::Json,
        }
    }
}

const SERVE_EXAMPLES: &str = "Examples:
  proofload serve
  proofload serve --listen 127.0.0.1:8000 --dialect openai --key-env MY_KEY
  proofload serve --first-token 200ms --token-gap 20ms --spread 0
  proofload serve --first-token normal:200ms:20ms --token-gap trace:gaps.txt --tokens uniform:20:90
  proofload serve --capacity slots=16,prefill=8000/s,step=20ms+0.5ms,kv=65536,queue=100
  proofload serve --cert server.pem --key server.key --access-log --truth truth.jsonl
  proofload serve --rate-limit 60/m --forbid-models gpt-4o
  proofload serve --quirk no-done,id-repeated
  proofload serve --quirk reset-mid-body --quirk-rate 0.05
  proofload serve --quirk crosstalk --quirk-above-in-flight 64

Times (--first-token, --token-gap):
  200ms                  lognormal with this median and the spread of --spread
  constant:200ms         always the same
  normal:200ms:20ms      mean and standard deviation, never below zero
  lognormal:200ms:0.3    median and standard deviation of the logarithm
  trace:FILE             a time a line, in turn; request n begins with the n-th

Tokens (--tokens):
  48, uniform:10:100, normal:48:10, lognormal:48:0.5

A batching server (--capacity), in steps that make one token for each running sequence:
  slots=N                the most sequences in a batch; a request has one for each choice that is made
  step=TIME[+TIME]       length of a step, and what each running sequence adds
  prefill=N/s            prompt tokens read per second; without it prompts cost no time
  kv=N                   memory in tokens; a request holds prompt and output
  queue=N                sequences that may wait beyond the slots before 429; without it, any number
  full=wait|429          what becomes of a request that finds no memory
  Its knee for requests of p prompt and o output tokens, in requests per second:
  1 / (o * (step / B + added) + p / prefill)   where B = min(slots, kv / (p + o))

HTTP/1.1 and HTTP/2 are spoken, over TLS by negotiation; replies are compressed where gzip is asked
for, streams event by event. The first interrupt, SIGTERM or SIGHUP lets open replies finish, the second ends at once.";

#[derive(Debug, ClapArgs)]
#[command(after_help = SERVE_EXAMPLES)]
pub(super) struct ServeArgs {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub(super) listen: String,
    #[arg(long, value_name = "D", default_value = "pulze", help = served_dialect())]
    pub(super) dialect: String,
    /// Environment variable that holds the only key that is accepted; without it, any non-empty bearer is.
    #[arg(long, value_name = "NAME")]
    pub(super) key_env: Option<String>,
    /// Models to know; where a request names none, the best of them answers (pulze).
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub(super) models: Vec<String>,
    /// Models to know and to refuse with 403.
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub(super) forbid_models: Vec<String>,
    /// Completion requests to serve, per second, minute or hour; beyond them the answer is 429.
    #[arg(long, value_name = "N/s", value_parser = rate)]
    pub(super) rate_limit: Option<Rate>,
    /// Share of the providers' calls that fail: Pulze retries and switches models, OpenAI answers 503.
    #[arg(long, value_name = "SHARE", value_parser = probability, default_value = "0")]
    pub(super) provider_failures: f64,

    /// Time to the first token.
    #[arg(long, value_name = "TIME", default_value = "30ms", help_heading = "Time")]
    pub(super) first_token: String,
    /// Time between tokens.
    #[arg(long, value_name = "TIME", default_value = "5ms", help_heading = "Time")]
    pub(super) token_gap: String,
    /// Spread of both where they are a bare time: standard deviation of the logarithm; 0 for constant times.
    #[arg(long, value_name = "S", value_parser = spread, default_value = "0.3", help_heading = "Time")]
    pub(super) spread: f64,
    /// Tokens of an answer that no cap cuts shorter.
    #[arg(long, value_name = "TOKENS", default_value = "48", help_heading = "Time")]
    pub(super) tokens: String,
    /// Be a batching server with these limits; its load then decides when tokens are made.
    #[arg(long, value_name = "LIMITS", conflicts_with_all = ["first_token", "token_gap", "spread"], help_heading = "Time")]
    pub(super) capacity: Option<Capacity>,
    /// Root of all that is random, ids included [1, and ids of their own at each start].
    #[arg(long, value_name = "N", help_heading = "Time")]
    pub(super) seed: Option<u64>,

    /// Certificate to show, its chain behind it, in PEM; TLS is then spoken.
    #[arg(long, value_name = "FILE", requires = "key", help_heading = "Transport")]
    pub(super) cert: Option<PathBuf>,
    /// The certificate's key, in PEM.
    #[arg(long, value_name = "FILE", requires = "cert", help_heading = "Transport")]
    pub(super) key: Option<PathBuf>,
    /// How long open replies have to finish when the endpoint is stopped.
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "30s", help_heading = "Transport")]
    pub(super) grace: Duration,

    /// Write what was read and written at which instant to this file, as JSON lines.
    #[arg(long, value_name = "FILE", help_heading = "Record")]
    pub(super) truth: Option<PathBuf>,
    /// Write a JSON line for each request to this file, or to stderr [-]; no keys, no bodies.
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-", help_heading = "Record")]
    pub(super) access_log: Option<PathBuf>,

    /// What to do wrong, by name.
    #[arg(long = "quirk", value_name = "A,B", value_delimiter = ',', help_heading = "Quirks")]
    pub(super) quirks: Vec<String>,
    /// Probability that it does that to a reply, drawn from the seed and the number of the request.
    #[arg(long, value_name = "P", value_parser = probability, default_value = "1", requires = "quirks", help_heading = "Quirks")]
    pub(super) quirk_rate: f64,
    /// Do it only while more exchanges than this are open: right when idle, wrong under load.
    #[arg(long, value_name = "N", default_value = "0", requires = "quirks", help_heading = "Quirks")]
    pub(super) quirk_above_in_flight: u64,
    /// List the quirks, what each does and where it comes from, and exit.
    #[arg(long, help_heading = "Quirks")]
    pub(super) list_quirks: bool,
}

#[derive(Debug, ClapArgs)]
pub(super) struct MergeArgs {
    /// Folders of all the parts, in any order.
    #[arg(required = true)]
    pub(super) runs: Vec<String>,
    /// Format of the report on stdout: text for people, json (the digest) for scripts.
    #[arg(long, value_enum, default_value_t = FormatArg::Text)]
    pub(super) format: FormatArg,
    /// Keep the whole run in this folder instead of runs/TIME-PROFILE.
    #[arg(long, value_name = "DIR", conflicts_with = "no_out")]
    pub(super) out: Option<PathBuf>,
    /// Do not keep it.
    #[arg(long)]
    pub(super) no_out: bool,
}

#[derive(Debug, ClapArgs)]
pub(super) struct ReportArgs {
    /// Folder of a run or of a check; @last is the newest under runs/, @last~1 the one before.
    pub(super) run: String,
    /// Format of the report: text, json, html, junit or markdown; of a load run also csv (a row for each second), totals
    /// (one row), openmetrics, vllm (as vllm bench serve --save-result) and hlog (HdrHistogram's interval log).
    #[arg(long, visible_alias = "as", value_name = "KIND", default_value = "text", value_parser = kind)]
    pub(super) format: Format,
    /// Of a load run, save this picture instead, as in response-time.svg; the page shows which there are.
    #[arg(long, value_name = "NAME.svg", conflicts_with_all = ["finding", "format"])]
    pub(super) chart: Vec<PathBuf>,
    /// Of a run, add our figures beside those of other tools, from the same streams, to the text: vllm, aiperf.
    #[arg(long, value_name = "A,B", value_delimiter = ',', value_parser = tool)]
    pub(super) metrics_as: Vec<Tool>,
    /// Of a check, this rule alone, as a bug report in markdown.
    #[arg(long, value_name = "ID")]
    pub(super) finding: Option<String>,
    /// Of a check, list rules that passed or did not apply, too.
    #[arg(long, short)]
    pub(super) verbose: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum ProfileCommand {
    /// Find the faults of a profile without sending anything.
    Check {
        /// A profile's path, or the name of a preset.
        profile: String,
    },
    /// Print the JSON Schema of profiles, for editors.
    Schema,
    /// Print a commented profile to start from, or write it to a new file.
    New {
        /// File to write; it must not exist.
        file: Option<PathBuf>,
        /// Make it of a production log: lengths, mix of routes, rate and burstiness; no text is kept.
        #[arg(long, value_name = "LOG.csv", requires = "file")]
        from: Option<PathBuf>,
        /// Columns of the log, as in time=ts,in=prompt_tokens,out=completion_tokens,route=app; or azure, burstgpt, mooncake;
        /// from its first line without it.
        #[arg(long, value_name = "C", requires = "from")]
        columns: Option<String>,
    },
}

fn tool(text: &str) -> Result<Tool, String> {
    Tool::ALL.into_iter().find(|tool| tool.name() == text).ok_or_else(|| "known are vllm and aiperf".to_owned())
}

pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        Some(_) | None => Err("expected NAME=VALUE".to_owned()),
    }
}

fn kind(text: &str) -> Result<Format, String> {
    let kinds = Format::ALL.map(Format::name).join(", ");
    let named = Format::ALL.into_iter().find(|format| format.name() == text);
    named.ok_or_else(|| format!("no report is called {text:?}; the kinds are {kinds}"))
}

fn report(text: &str) -> Result<(Format, PathBuf), String> {
    match text.split_once('=') {
        Some((name, path)) => Ok((kind(name)?, PathBuf::from(path))),
        None => Err(format!("expected KIND=PATH; the kinds are {}", Format::ALL.map(Format::name).join(", "))),
    }
}

/// No duration is longer, so that it can be added to any instant.
const LONGEST: Duration = Duration::from_secs(10 * 366 * 24 * 3600);

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(duration) if duration <= LONGEST => Ok(duration),
        Ok(_) => Err("at most 10 years can be".to_owned()),
        Err(error) => Err(format!("{error}; write a number with a unit, such as 500ms or 2m")),
    }
}

pub(super) fn finite(text: &str) -> Result<f64, String> {
    text.parse::<f64>().ok().filter(|number| number.is_finite()).ok_or_else(|| "expected a number".to_owned())
}

/// A number of requests in a unit of time: `10/s`, `600/m`, `1000/h`.
pub(super) fn rate(text: &str) -> Result<Rate, String> {
    const UNITS: [(&str, u64); 3] = [("s", 1), ("m", 60), ("h", 3600)];
    let parts = text.split_once('/').and_then(|(number, unit)| {
        let requests = number.parse::<u32>().ok().filter(|number| *number > 0)?;
        let (_, seconds) = UNITS.iter().find(|(name, _)| *name == unit)?;
        Some(Rate { requests, per: Duration::from_secs(*seconds) })
    });
    parts.ok_or_else(|| "expected a positive number per s, m or h, such as 10/s or 600/m".to_owned())
}

fn probability(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(probability) if (0.0..=1.0).contains(&probability) => Ok(probability),
        Ok(_) | Err(_) => Err("expected a number from 0 to 1".to_owned()),
    }
}

fn spread(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(spread) if (0.0..=3.0).contains(&spread) => Ok(spread),
        Ok(_) | Err(_) => Err("expected a number from 0 to 3".to_owned()),
    }
}
