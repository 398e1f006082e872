//! `proofload serve`, and the same endpoint inside a run.

use std::thread::JoinHandle;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use url::Url;

use super::args::ServeArgs;
use super::exit::Exit;
use super::{check_profile, print, say};
use crate::plan::goal::nearest;
use crate::reference::quirk::{self, Quirk};
use crate::reference::{Delay, Settings, serve as serve_on};
use crate::wire::Dialect;

pub(super) fn serve(args: &ServeArgs) -> anyhow::Result<Exit> {
    if args.list_quirks {
        let lines: Vec<String> = quirk::all().map(|quirk| format!("{:24} {}\n", quirk.name, quirk.about)).collect();
        print(&lines.concat())?;
        return Ok(Exit::Pass);
    }
    let settings = settings(args)?;
    let runtime = Builder::new_multi_thread().enable_all().build().context("starting the runtime")?;
    runtime.block_on(async {
        let listener =
            TcpListener::bind(&args.listen).await.with_context(|| format!("cannot listen on {}", args.listen))?;
        let address = listener.local_addr().context("reading the address")?;
        print(&greeting(&format!("http://{address}/v1"), &settings, args.key_env.as_deref()))?;
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let stop = async move {
            tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        };
        serve_on(listener, settings, stop).await;
        Ok(Exit::Pass)
    })
}

fn greeting(base: &str, settings: &Settings, key_env: Option<&str>) -> String {
    let model = settings.models.first().map_or("pulze", String::as_str);
    let key = key_env.map_or("any".to_owned(), |name| format!("${name}"));
    let quirks: Vec<&str> = settings.quirks.iter().map(|quirk| quirk.name).collect();
    let wrong = if quirks.is_empty() { String::new() } else { format!(", wrong on purpose: {}", quirks.join(", ")) };
    format!(
        "listening on {base} ({} dialect{wrong})\n\
         curl -sN {base}/chat/completions -H \"Authorization: Bearer {key}\" -H 'Content-Type: application/json' \
         -d '{{\"model\":\"{model}\",\"stream\":true,\"messages\":[{{\"role\":\"user\",\"content\":\"Hello\"}}]}}'\n",
        settings.dialect
    )
}

fn settings(args: &ServeArgs) -> anyhow::Result<Settings> {
    let dialect = Dialect::named(&args.dialect).with_context(|| format!("unknown dialect {:?}", args.dialect))?;
    let mut settings = Settings::new(dialect, args.seed);
    settings.first_token = Delay { median: args.first_token, spread: args.spread };
    settings.token_gap = Delay { median: args.token_gap, spread: args.spread };
    settings.tokens = args.tokens;
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
    settings.quirks = args.quirks.iter().map(|name| find(name)).collect::<anyhow::Result<_>>()?;
    Ok(settings)
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

impl Builtin {
    pub(super) fn start(dialect: Dialect, seed: u64) -> anyhow::Result<Builtin> {
        let key = format!("builtin-{:016x}", super::run::random());
        let settings = Settings { key: Some(key.clone()), ..Settings::new(dialect, seed) };
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).context("binding a loopback socket")?;
        listener.set_nonblocking(true).context("preparing a loopback socket")?;
        let url = Url::parse(&format!("http://{}/v1", listener.local_addr().context("reading the address")?))?;
        let (stop, stopped) = oneshot::channel::<()>();
        let serve = move || {
            let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("builtin").enable_all().build();
            let Ok(runtime) = runtime else { return say("error: the built-in endpoint could not be started\n") };
            runtime.block_on(async {
                if let Ok(listener) = TcpListener::from_std(listener) {
                    serve_on(listener, settings, async { _ = stopped.await }).await;
                }
            });
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
