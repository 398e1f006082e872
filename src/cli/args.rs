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

/// Load-tests chat-completions endpoints, judges every reply against the written contract, and gives one verdict.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, propagate_version = true, after_help = EXIT_CODES)]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) command: Command,
}

const EXIT_CODES: &str = "Exit codes:
  0    everything held
  1    a MUST rule or a goal is broken, no request succeeded, or a comparison found a regression
  2    the command line or the profile is wrong, or an output cannot be written; nothing was sent
  3    no HTTP response, refused before the load, nothing asserted, or the measurement is invalid
  4    a summary is incomplete or of another format, or the runs do not belong together
  5    everything held, but some results could not be saved
  130  interrupted; the report was written";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Load an endpoint, judge every reply and print a report.
    Run(Box<RunArgs>),
    /// Run the conformance suite against an endpoint.
    Check(Box<CheckArgs>),
    /// Judge a capture of check --capture again, without the endpoint.
    Replay(Box<ReplayArgs>),
    /// Search for the highest load that meets the goals, and plan with it.
    Capacity(Box<CapacityArgs>),
    /// Serve the built-in reference endpoint.
    Serve(Box<ServeArgs>),
    /// Merge the parts of a run split across machines, and print the report.
    Merge(MergeArgs),
    /// Print the report of an earlier run or check.
    Report(ReportArgs),
    /// Compare runs with a baseline: what changed, how certain that is, better or worse.
    Compare(CompareArgs),
    /// List the runs and checks in a folder.
    History(HistoryArgs),
    /// Check profiles, create one, or print their JSON Schema.
    Profile {
        #[command(subcommand)]
        command: ProfileCommand,
    },
}

const RUN_EXAMPLES: &str = "Examples:
  proofload run quickstart
  proofload run chat --url http://127.0.0.1:8000/v1 --rate 10 --duration 1m
  proofload run chat --url http://127.0.0.1:8000/v1 --concurrency 64 --count 640 --format json
  proofload run smoke --url https://api.pulze.ai/v1 --dialect pulze --key-env PULZE_API_KEY
  proofload run my.toml --set case.0.max_tokens=16 --label gpu=h200
  proofload run my.toml --url http://new:8000/v1 --against http://old:8000/v1 --repeat 5

Presets: quickstart, smoke, chat, long-prompts, tool-calls, capacity.
The report goes to stdout, progress to stderr; the run is saved in runs/.";

/// Flags with a key in brackets replace that key of the profile.
#[derive(Debug, ClapArgs)]
#[command(after_help = RUN_EXAMPLES)]
pub(super) struct RunArgs {
    /// Path of a profile, or name of a preset.
    pub(super) profile: String,

    /// Base URL, or the full URL of the endpoint [target.url].
    #[arg(long, value_name = "URL", help_heading = "Target")]
    url: Option<String>,
    #[command(flatten)]
    target: TargetArgs,

    /// Closed loop: keep this many requests in flight [load.closed.concurrency].
    #[arg(long, value_name = "N", conflicts_with = "rate", help_heading = "Load")]
    concurrency: Option<u64>,
    /// Old name of --concurrency.
    #[arg(long, value_name = "N", conflicts_with_all = ["rate", "concurrency"], hide = true)]
    slots: Option<u64>,
    /// Open loop: send this many requests per second [load.open.rate].
    #[arg(long, value_name = "R", value_parser = finite, allow_negative_numbers = true, help_heading = "Load")]
    rate: Option<f64>,
    /// Number of requests [load.*.count; removes the profile's duration and warm-up unless --duration is given].
    #[arg(long, value_name = "N", help_heading = "Load")]
    count: Option<u64>,
    /// Length of the load, such as 30s [load.*.duration; removes the profile's count unless --count is given].
    #[arg(long, value_name = "TIME", help_heading = "Load")]
    duration: Option<String>,
    /// Generate prompts of this many tokens, such as 1024 or uniform:100:2000 [case.*.input_tokens; replaces messages].
    #[arg(long, value_name = "N", help_heading = "Load")]
    input_tokens: Option<String>,
    /// Ask for answers of this many tokens [case.*.output_tokens; replaces max_tokens].
    #[arg(long, value_name = "N", help_heading = "Load")]
    output_tokens: Option<String>,
    /// Tokenizer of the model: o200k_base, cl100k_base or a tokenizer.json; also counts answers [target.tokenizer].
    #[arg(long, value_name = "T", help_heading = "Load")]
    tokenizer: Option<String>,
    /// Random seed of lengths, order and times; the same seed repeats the plan with different text [seed].
    #[arg(long, value_name = "N", help_heading = "Load")]
    seed: Option<u64>,
    /// Random seed of the text [salt; default: new for each run]. The same seed and salt repeat every byte.
    #[arg(long, value_name = "N", help_heading = "Load")]
    salt: Option<u64>,
    /// Run one part of the plan: 1/4 to 4/4 on four machines. proofload merge merges the parts.
    /// All parts need the same --seed and the same --salt. Use a new salt for each run.
    #[arg(long, value_name = "K/N", conflicts_with_all = ["sweep", "repeat"], help_heading = "Load")]
    pub(super) shard: Option<Shard>,
    /// Stop sending after this time [limits.max_time].
    #[arg(long, value_name = "TIME", help_heading = "Load")]
    max_time: Option<String>,
    /// Send at most this many requests [limits.max_requests].
    #[arg(long, value_name = "N", help_heading = "Load")]
    max_requests: Option<u64>,
    /// Stop sending after this many tokens, prompts included [limits.max_tokens].
    #[arg(long, value_name = "N", help_heading = "Load")]
    max_tokens: Option<u64>,

    /// Label of the run, as NAME=VALUE [labels].
    #[arg(long = "label", value_name = "N=V", value_parser = pair, help_heading = "Verdict")]
    labels: Vec<(String, String)>,
    /// Goal, such as "ttft.p95 < 500ms"; replaces the profile's goals except those on failures [goals].
    #[arg(long = "goal", value_name = "GOAL", help_heading = "Verdict")]
    goals: Vec<String>,
    /// File of known violations, which are counted and shown but do not fail [baseline].
    #[arg(long, value_name = "FILE", help_heading = "Verdict")]
    baseline: Option<String>,
    /// Send nothing; print the first N requests as curl commands, and the totals of the plan.
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_missing_value = "3", help_heading = "Output")]
    pub(super) dry_run: Option<usize>,
    /// Make one run for each value of a key, such as concurrency=1,2,4; repeat the flag for all combinations.
    #[arg(long = "sweep", value_name = "KEY=A,B", value_parser = pair, help_heading = "Load")]
    pub(super) sweep: Vec<(String, String)>,
    /// Make this many runs, each with its own seed and salt, in folders run-1, run-2 and so on.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000), conflicts_with = "sweep", help_heading = "Load")]
    pub(super) repeat: Option<u32>,
    /// Alternate with runs of this endpoint (ABBA) and compare; it is the baseline. Both runs of a pair share a seed.
    #[arg(long, value_name = "URL", requires = "repeat", help_heading = "Target")]
    pub(super) against: Option<String>,
    /// Environment variable with the API key for --against; without it, no key is sent to another origin.
    #[arg(long, value_name = "NAME", requires = "against", help_heading = "Target")]
    against_key_env: Option<String>,
    /// Header of every request to --against, as NAME=VALUE. The profile's secret headers, and those made from variables,
    /// are not sent to another origin.
    #[arg(long = "against-header", value_name = "N=V", value_parser = pair, requires = "against", help_heading = "Target")]
    against_headers: Vec<(String, String)>,
    /// Set any key of the profile, such as load.open.warmup=5s or case.0.temperature=0.2.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = pair, help_heading = "Verdict")]
    set: Vec<(String, String)>,

    /// Wait up to this long until the endpoint is ready; not part of any figure.
    #[arg(long, value_name = "TIME", value_parser = duration, help_heading = "Output")]
    pub(super) wait: Option<Duration>,
    /// Scrape this metrics page once a second during the load; without a URL, /metrics of the target [target.scrape].
    #[arg(long, value_name = "URL", num_args = 0..=1, default_missing_value = "auto", help_heading = "Target")]
    scrape: Option<String>,
    /// Add the figures as vllm or aiperf would compute them from the same streams to the text report.
    #[arg(long, value_name = "A,B", value_delimiter = ',', value_parser = tool, help_heading = "Output")]
    pub(super) metrics_as: Vec<Tool>,
    /// Format of the report on stdout: text for people, json (the digest) for scripts.
    #[arg(long, value_enum, default_value_t = FormatArg::Text, help_heading = "Output")]
    pub(super) format: FormatArg,
    /// Write another report, as KIND=PATH; repeatable. Kinds: text, json, html, junit, markdown, csv (a row a second),
    /// totals (one row), openmetrics, vllm (as vllm bench serve --save-result) and hlog (interval log of HdrHistogram).
    #[arg(
        long = "report",
        value_name = "KIND=PATH",
        value_parser = report,
        conflicts_with_all = ["sweep", "repeat"],
        help_heading = "Output"
    )]
    pub(super) reports: Vec<(Format, PathBuf)>,
    /// Save the run in this folder instead of runs/TIME-PROFILE.
    #[arg(long, value_name = "DIR", conflicts_with = "no_out", help_heading = "Output")]
    pub(super) out: Option<PathBuf>,
    /// Also save a line for each exchange in exchanges.jsonl.zst; with =bodies, requests and replies too.
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
    /// Do not save the run.
    #[arg(long, help_heading = "Output")]
    pub(super) no_out: bool,
    /// Print only the report.
    #[arg(long, short, help_heading = "Output")]
    pub(super) quiet: bool,
    /// Exit with 0 instead of 1.
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
            concurrency: self.concurrency.or(self.slots),
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

/// The endpoint, apart from its address.
#[derive(Debug, ClapArgs)]
pub(super) struct TargetArgs {
    /// Name of the endpoint, for baseline entries that apply to it alone [target.name].
    #[arg(long, value_name = "NAME", help_heading = "Target")]
    target_name: Option<String>,
    #[arg(long, value_name = "D", help_heading = "Target", help = target_dialect())]
    dialect: Option<String>,
    /// Model to request [target.model; default: taken from /models].
    #[arg(long, value_name = "M", help_heading = "Target")]
    pub(super) model: Option<String>,
    /// Environment variable with the API key [target.key_env].
    #[arg(long, value_name = "NAME", help_heading = "Target")]
    key_env: Option<String>,
    /// Header of every request, as NAME=VALUE [target.headers].
    #[arg(long = "header", value_name = "N=V", value_parser = pair, help_heading = "Target")]
    headers: Vec<(String, String)>,
    /// Header whose value is shown and saved although its name, or a variable in it, makes it a secret
    /// [target.public_headers].
    #[arg(long = "public-header", value_name = "NAME", help_heading = "Target")]
    public_headers: Vec<String>,
    /// Skip the preflight: the single request before a load that shows whether the endpoint accepts it
    /// [target.preflight = false].
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
  proofload serve --capacity concurrency=16,prefill=8000/s,step=20ms+0.5ms,kv=65536,queue=100
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
  trace:FILE             one time a line, in turn; request n begins with the n-th

Tokens (--tokens):
  48, uniform:10:100, normal:48:10, lognormal:48:0.5

A batching server (--capacity), in steps that make one token for each running sequence:
  concurrency=N          most sequences in a batch; a request has one for each choice that is made
  step=TIME[+TIME]       length of a step, and what each running sequence adds
  prefill=N/s            prompt tokens read per second; without it prompts cost no time
  kv=N                   memory in tokens; a request holds prompt and output
  queue=N                sequences that may wait for a place in the batch before 429; without it, any number
  full=wait|429          a request that does not fit into memory waits, or gets 429
  Its knee for requests of p prompt and o output tokens, in requests per second:
  1 / (o * (step / B + added) + p / prefill)   where B = min(concurrency, kv / (p + o))

The endpoint speaks HTTP/1.1 and HTTP/2, over TLS by negotiation. It compresses replies for clients that accept
gzip, streams event by event. The first SIGINT, SIGTERM or SIGHUP lets open replies finish; the second ends at once.";

#[derive(Debug, ClapArgs)]
#[command(after_help = SERVE_EXAMPLES)]
pub(super) struct ServeArgs {
    /// Address to listen on; port 0 picks a free port.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub(super) listen: String,
    #[arg(long, value_name = "D", default_value = "pulze", help = served_dialect())]
    pub(super) dialect: String,
    /// Environment variable with the only accepted key; without it, any non-empty bearer token is accepted.
    #[arg(long, value_name = "NAME")]
    pub(super) key_env: Option<String>,
    /// Models to serve; a request without a model gets the best of them (pulze).
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub(super) models: Vec<String>,
    /// Models to refuse with 403.
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub(super) forbid_models: Vec<String>,
    /// Rate limit for completion requests per second, minute or hour; above it the answer is 429.
    #[arg(long, value_name = "N/s", value_parser = rate)]
    pub(super) rate_limit: Option<Rate>,
    /// Share of provider calls that fail: pulze retries and switches models, openai answers 503.
    #[arg(long, value_name = "SHARE", value_parser = probability, default_value = "0")]
    pub(super) provider_failures: f64,

    /// Time to the first token.
    #[arg(long, value_name = "TIME", default_value = "30ms", help_heading = "Time")]
    pub(super) first_token: String,
    /// Time between tokens.
    #[arg(long, value_name = "TIME", default_value = "5ms", help_heading = "Time")]
    pub(super) token_gap: String,
    /// Spread of a bare --first-token or --token-gap: standard deviation of the logarithm; 0 is constant.
    #[arg(long, value_name = "S", value_parser = spread, default_value = "0.3", help_heading = "Time")]
    pub(super) spread: f64,
    /// Tokens of an answer, unless the request caps it below that.
    #[arg(long, value_name = "TOKENS", default_value = "48", help_heading = "Time")]
    pub(super) tokens: String,
    /// Simulate a batching server with these limits; its load decides when tokens are produced.
    #[arg(long, value_name = "LIMITS", conflicts_with_all = ["first_token", "token_gap", "spread"], help_heading = "Time")]
    pub(super) capacity: Option<Capacity>,
    /// Random seed, ids included [default: 1, with new ids at each start].
    #[arg(long, value_name = "N", help_heading = "Time")]
    pub(super) seed: Option<u64>,

    /// Serve over TLS with this certificate, followed by its chain, in PEM.
    #[arg(long, value_name = "FILE", requires = "key", help_heading = "Transport")]
    pub(super) cert: Option<PathBuf>,
    /// Private key of the certificate, in PEM.
    #[arg(long, value_name = "FILE", requires = "cert", help_heading = "Transport")]
    pub(super) key: Option<PathBuf>,
    /// Time for open replies to finish after a stop.
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "30s", help_heading = "Transport")]
    pub(super) grace: Duration,

    /// Write the instant of each read and write to this file, as JSON lines.
    #[arg(long, value_name = "FILE", help_heading = "Record")]
    pub(super) truth: Option<PathBuf>,
    /// Write a JSON line for each request to this file, or to stderr (-); without keys and bodies.
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-", help_heading = "Record")]
    pub(super) access_log: Option<PathBuf>,

    /// Faults to show, by name.
    #[arg(long = "quirk", value_name = "A,B", value_delimiter = ',', help_heading = "Quirks")]
    pub(super) quirks: Vec<String>,
    /// Probability that a reply shows the fault, drawn from the seed and the request number.
    #[arg(long, value_name = "P", value_parser = probability, default_value = "1", requires = "quirks", help_heading = "Quirks")]
    pub(super) quirk_rate: f64,
    /// Show the fault only while more exchanges than this are open: correct when idle, wrong under load.
    #[arg(long, value_name = "N", default_value = "0", requires = "quirks", help_heading = "Quirks")]
    pub(super) quirk_above_in_flight: u64,
    /// List the quirks with their effect and origin, and exit.
    #[arg(long, help_heading = "Quirks")]
    pub(super) list_quirks: bool,
}

#[derive(Debug, ClapArgs)]
pub(super) struct MergeArgs {
    /// Folders of all parts, in any order.
    #[arg(required = true)]
    pub(super) runs: Vec<String>,
    /// Format of the report on stdout: text for people, json (the digest) for scripts.
    #[arg(long, value_enum, default_value_t = FormatArg::Text)]
    pub(super) format: FormatArg,
    /// Save the merged run in this folder instead of runs/TIME-PROFILE.
    #[arg(long, value_name = "DIR", conflicts_with = "no_out")]
    pub(super) out: Option<PathBuf>,
    /// Do not save the merged run.
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
    /// Of a load run: save this chart, such as response-time.svg, instead; the HTML page shows all of them.
    #[arg(long, value_name = "NAME.svg", conflicts_with_all = ["finding", "format"])]
    pub(super) chart: Vec<PathBuf>,
    /// Of a run: add the figures as vllm or aiperf would compute them from the same streams to the text report.
    #[arg(long, value_name = "A,B", value_delimiter = ',', value_parser = tool)]
    pub(super) metrics_as: Vec<Tool>,
    /// Of a check: print one rule as a bug report in markdown.
    #[arg(long, value_name = "ID")]
    pub(super) finding: Option<String>,
    /// Of a check: also list rules that passed or did not apply.
    #[arg(long, short)]
    pub(super) verbose: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum ProfileCommand {
    /// Check a profile for errors without sending anything.
    Check {
        /// Path of a profile, or name of a preset.
        profile: String,
    },
    /// Print the JSON Schema of profiles, for editors.
    Schema,
    /// Print a commented starter profile, or write it to a new file.
    New {
        /// File to write, which must not exist.
        file: Option<PathBuf>,
        /// Derive it from a production log: lengths, mix of routes, rate and burstiness; no text is copied.
        #[arg(long, value_name = "LOG.csv", requires = "file")]
        from: Option<PathBuf>,
        /// Columns of the log, such as time=ts,in=prompt_tokens,out=completion_tokens,route=app, or one of azure, burstgpt,
        /// mooncake [default: by the first line].
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
        Ok(_) => Err("the longest is 10 years".to_owned()),
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
