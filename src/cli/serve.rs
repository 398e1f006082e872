//! `proofload serve`, and the same endpoint inside a run.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::sync::{Notify, oneshot};
use url::Url;

use super::args::{ServeArgs, rate};
use super::exit::Exit;
use super::signals::Signals;
use super::{check_profile, print, read, say};
use crate::plan::capacity::BuiltinTerms;
use crate::plan::goal::nearest;
use crate::profile::dialect;
use crate::profile::files::{self, Kind};
use crate::reference::delay::{Delay, Length};
use crate::reference::quirk::{self, Quirk};
use crate::reference::record::{Recorder, Sink, Written};
use crate::reference::{Settings, When, serve as serve_on, tls};
use crate::wire::Contract;
use crate::wire::api::request::{PATH, question};

pub(super) fn serve(args: &ServeArgs) -> anyhow::Result<Exit> {
    if args.list_quirks {
        let line = |quirk: &Quirk| format!("{:24} {} ({})\n", quirk.name, quirk.about, quirk.source);
        print(&quirk::all().map(line).collect::<String>())?;
        return Ok(Exit::Pass);
    }
    let mut settings = settings(args)?;
    let written = record(args, &mut settings)?;
    let runtime = Builder::new_multi_thread().enable_all().build().context("starting the runtime")?;
    runtime.block_on(until_stopped(args, settings))?;
    // What is still open is given up here, and recorded as such.
    drop(runtime);
    match written.map_or(Ok(()), Written::finish) {
        Ok(()) => Ok(Exit::Pass),
        Err(error) => {
            say(&format!("error: the record is not complete: {error}\n"));
            Ok(Exit::Invalid)
        }
    }
}

/// Serves until the first signal, lets open replies finish, and ends at the second.
async fn until_stopped(args: &ServeArgs, settings: Settings) -> anyhow::Result<()> {
    let listener =
        TcpListener::bind(&args.listen).await.with_context(|| format!("cannot listen on {}", args.listen))?;
    let address = listener.local_addr().context("reading the address")?;
    let mut heard = Signals::hear().context("listening to signals")?;
    print(&greeting(address, &settings, args))?;
    let (first, second) = (Notify::new(), Notify::new());
    let signals = async {
        for told in [&first, &second] {
            heard.next().await;
            told.notify_one();
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        served = serve_on(listener, settings, first.notified()) => served.context("serving"),
        () = second.notified() => Ok(()),
        () = signals => Ok(()),
    }
}

/// What is drawn where no seed is given.
const DEFAULT_SEED: u64 = 1;

/// Opens the files of the record, where one is wanted.
fn record(args: &ServeArgs, settings: &mut Settings) -> anyhow::Result<Option<Written>> {
    let open = |file: &PathBuf| -> anyhow::Result<Sink> {
        Ok(Box::new(File::create(file).with_context(|| format!("cannot write {}", file.display()))?))
    };
    let truth = args.truth.as_ref().map(open).transpose()?;
    let access = match &args.access_log {
        Some(file) if file.as_os_str() == "-" => Some(Box::new(std::io::stderr()) as Sink),
        Some(file) => Some(open(file)?),
        None => None,
    };
    if truth.is_none() && access.is_none() {
        return Ok(None);
    }
    let (recorder, written) = Recorder::start(truth, access).context("starting the record")?;
    settings.recorder = Some(recorder);
    Ok(Some(written))
}

fn greeting(address: SocketAddr, settings: &Settings, args: &ServeArgs) -> String {
    let (scheme, trust) = match &args.cert {
        Some(cert) => ("https", format!(" --cacert {}", cert.display())),
        None => ("http", String::new()),
    };
    let base = format!("{scheme}://{address}/v1");
    let model = settings.models.first().map_or("pulze", String::as_str);
    let key = args.key_env.as_ref().map_or("any".to_owned(), |name| format!("${name}"));
    let quirks: Vec<&str> = settings.quirks.iter().map(|quirk| quirk.name).collect();
    let wrong = match quirks.as_slice() {
        [] => String::new(),
        quirks => format!(", wrong on purpose{}: {}", sometimes(settings.when), quirks.join(", ")),
    };
    let mut body = question(Some(model), "Hello", None);
    body.insert("stream".to_owned(), true.into());
    format!(
        "listening on {base} ({} dialect{wrong})\n\
         curl -sN{trust} {base}{PATH} -H \"Authorization: Bearer {key}\" -H 'Content-Type: application/json' \
         -d '{}'\n",
        settings.contract,
        serde_json::Value::Object(body)
    )
}

/// When quirks act, where that is not always.
fn sometimes(when: When) -> String {
    let rate = if when.rate < 1.0 { format!(" at rate {}", when.rate) } else { String::new() };
    match when.above_in_flight {
        0 => rate,
        load => format!("{rate} above {load} in flight"),
    }
}

fn settings(args: &ServeArgs) -> anyhow::Result<Settings> {
    let contract = dialect::written(&args.dialect).map_err(|problems| anyhow::anyhow!("{}", problems.draw(false)))?;
    let mut settings = Settings::new(contract, args.seed.unwrap_or(DEFAULT_SEED));
    if args.seed.is_none() {
        settings.salt = super::run::random();
    }
    settings.first_token = flag("--first-token", Delay::parse(&args.first_token, args.spread, &times))?;
    settings.token_gap = flag("--token-gap", Delay::parse(&args.token_gap, args.spread, &times))?;
    settings.tokens = flag("--tokens", Length::parse(&args.tokens))?;
    settings.capacity.clone_from(&args.capacity);
    settings.grace = args.grace;
    if let (Some(cert), Some(key)) = (&args.cert, &args.key) {
        settings.tls = Some(tls::config(&read::bytes(cert, Kind::PEM)?, &read::bytes(key, Kind::PEM)?)?);
    }
    if !args.models.is_empty() {
        settings.models.clone_from(&args.models);
    }
    settings.forbidden.clone_from(&args.forbid_models);
    if let Some(unknown) = settings.forbidden.iter().find(|model| !settings.models.contains(model)) {
        anyhow::bail!("--forbid-models: no model is called {unknown:?}; there are {}", settings.models.join(", "));
    }
    settings.rate = args.rate_limit;
    settings.provider_failures = args.provider_failures;
    if let Some(name) = &args.key_env {
        let key = check_profile::env(name).with_context(|| format!("the environment variable {name} is not set"))?;
        settings.key = Some(key.trim().to_owned());
    }
    settings.when = When { rate: args.quirk_rate, above_in_flight: args.quirk_above_in_flight };
    settings.quirks = args.quirks.iter().map(|name| find(name)).collect::<anyhow::Result<_>>()?;
    Ok(settings)
}

/// The text of a file with times.
fn times(file: &str) -> Result<String, String> {
    files::read_text(Path::new(file), Kind::TIMES).map_err(|error| format!("{file}: {error}"))
}

fn flag<T>(name: &str, read: Result<T, String>) -> anyhow::Result<T> {
    read.map_err(|reason| anyhow::anyhow!("{name}: {reason}"))
}

fn find(name: &str) -> anyhow::Result<&'static Quirk> {
    quirk::find(name).with_context(|| {
        let names: Vec<&str> = quirk::all().map(|quirk| quirk.name).collect();
        let near = nearest(name, &names).map_or(String::new(), |near| format!("did you mean {near}? "));
        format!("no quirk is called {name:?}; {near}--list-quirks lists them")
    })
}

/// The reference endpoint inside this process, on a loopback socket and threads of its own; it ends when dropped.
pub(super) struct Builtin {
    pub(super) url: Url,
    pub(super) key: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What a profile says of the built-in endpoint, read as the flags of `serve` are.
pub(super) fn builtin_settings(terms: &BuiltinTerms, contract: &Arc<Contract>, seed: u64) -> anyhow::Result<Settings> {
    let read = |key: &str, error: String| anyhow::anyhow!("target.builtin.{key}: {error}");
    let capacity = terms.capacity.as_ref().map(|text| text.parse().map_err(|error| read("capacity", error)));
    let limit = terms.rate_limit.as_ref().map(|text| rate(text).map_err(|error| read("rate_limit", error)));
    Ok(Settings {
        capacity: capacity.transpose()?,
        rate: limit.transpose()?,
        quirks: terms.quirks.iter().map(|name| find(name)).collect::<anyhow::Result<_>>()?,
        when: When { above_in_flight: terms.quirk_above_in_flight, ..When::default() },
        ..Settings::new(Arc::clone(contract), seed)
    })
}

impl Builtin {
    pub(super) fn start(settings: Settings) -> anyhow::Result<Builtin> {
        let key = format!("builtin-{:016x}", super::run::random());
        let settings = Settings { key: Some(key.clone()), ..settings };
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).context("binding a loopback socket")?;
        listener.set_nonblocking(true).context("preparing a loopback socket")?;
        let url = Url::parse(&format!("http://{}/v1", listener.local_addr().context("reading the address")?))?;
        let (stop, stopped) = oneshot::channel::<()>();
        let serve = move || {
            let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("builtin").enable_all().build();
            let served = runtime.and_then(|runtime| {
                runtime.block_on(async {
                    let listener = TcpListener::from_std(listener)?;
                    serve_on(listener, settings, async { _ = stopped.await }).await
                })
            });
            if let Err(error) = served {
                say(&format!("error: the built-in endpoint could not be started: {error}\n"));
            }
        };
        let thread =
            std::thread::Builder::new().name("builtin".to_owned()).spawn(serve).context("starting a thread")?;
        Ok(Builtin { url, key, stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Builtin {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
