//! The reference endpoint: a correct one in every dialect, and wrong on request.
//!
//! It is what the harness is proved on and what users rehearse their profiles on. It knows the contract
//! ([`wire`]) and nothing else of the program, so that a fault of the client and one of the endpoint cannot
//! cancel out. `front` finds the page and reads the body, `ask` reads the request, `say` decides what is said token by
//! token, `answer` makes a reply of it, serialised once; [`quirk`] and `spoil` spoil it, `transcript`
//! puts it on the wire in time, through `socket` where hyper would not say it.
//!
//! It counts tokens with a tokenizer of its own (`token`): an optional space and up to ten letters or digits, or one other
//! character. Every count, cap, log probability and `logit_bias` agrees with it.
//!
//! When it is said is drawn ([`delay`]), or follows from a model of a batching server ([`capacity`], [`batch`]). What
//! the endpoint did at which instant is recorded ([`record`]).

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use rand::SeedableRng as _;
use rand_pcg::Pcg64;
use rustls::server::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::watch;

use proofload_wire as wire;
use wire::Contract;

mod alarm;
mod answer;
mod arriving;
mod ask;
pub mod batch;
mod cache;
pub mod capacity;
mod catalogue;
mod completion;
mod connection;
pub mod delay;
mod engine;
mod example;
mod exchange;
mod front;
mod gzip;
mod headers;
mod id;
mod json;
mod known;
mod language;
mod limit;
mod log;
mod metadata;
mod metrics;
mod openapi;
mod overload;
mod pace;
pub mod quirk;
pub mod record;
mod refuse;
mod reply;
mod route;
#[cfg(test)]
mod samples;
mod say;
mod socket;
mod spoil;
mod stream;
mod timer;
pub mod tls;
mod token;
mod tool;
mod transcript;
mod usage;

pub use limit::Rate;
pub use spoil::When;

use alarm::Alarm;
use cache::Cache;
use capacity::Capacity;
use catalogue::Model;
use delay::{Delay, Length};
use engine::Engine;
use known::Known;
use limit::Limit;
use log::Log;
use metrics::Metrics;
use quirk::Quirk;
use record::Recorder;

/// What the endpoint is and how fast.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Which contract it keeps.
    pub contract: Arc<Contract>,
    /// The key it accepts; without one, any non-empty bearer passes.
    pub key: Option<String>,
    /// The models it knows.
    pub models: Vec<String>,
    /// Those of them that no key may use.
    pub forbidden: Vec<String>,
    /// How many completion requests it serves; without a rate, all.
    pub rate: Option<Rate>,
    /// Share of the calls of its providers that fail, which Pulze hides behind retries.
    pub provider_failures: f64,
    /// Time to the first token.
    pub first_token: Delay,
    /// Time between tokens.
    pub token_gap: Delay,
    /// Tokens of an answer that no cap cuts shorter.
    pub tokens: Length,
    /// A batching server whose load decides when tokens are made, in place of the two delays.
    pub capacity: Option<Capacity>,
    /// The root of all that is random in it but for names.
    pub seed: u64,
    /// The root of the ids that it gives: two endpoints, or one that was started again, give the same ids only where
    /// this is the same.
    pub salt: u64,
    /// What it does wrong.
    pub quirks: Vec<&'static Quirk>,
    /// When it does that.
    pub when: When,
    /// TLS, where it is spoken.
    pub tls: Option<Arc<ServerConfig>>,
    /// Where each exchange is recorded.
    pub recorder: Option<Recorder>,
    /// How long open exchanges have to finish once the endpoint is told to stop.
    pub grace: Duration,
}

impl Settings {
    /// A correct endpoint with the default models and delays, whose ids come from the seed as well.
    pub fn new(contract: Arc<Contract>, seed: u64) -> Settings {
        let lognormal = |ms| Delay::Lognormal { median: Duration::from_millis(ms), spread: 0.3 };
        Settings {
            contract,
            key: None,
            models: ["pulze", "gpt-4o", "gpt-4o-mini", "llama-3.1-8b"].map(str::to_owned).to_vec(),
            forbidden: Vec::new(),
            rate: None,
            provider_failures: 0.0,
            first_token: lognormal(30),
            token_gap: lognormal(5),
            tokens: Length::Constant(48),
            capacity: None,
            seed,
            salt: seed,
            quirks: Vec::new(),
            when: When::default(),
            tls: None,
            recorder: None,
            grace: Duration::from_secs(30),
        }
    }
}

/// What the endpoint remembers between requests.
#[derive(Debug)]
struct State {
    settings: Settings,
    /// Requests answered so far.
    number: AtomicU64,
    /// Connections accepted so far.
    connections: AtomicU64,
    /// Opening words of the last prompt, which an endpoint that mixes up requests would answer with.
    previous: Mutex<String>,
    models: Vec<Model>,
    /// The app that every key belongs to.
    app_id: String,
    limit: Option<Limit>,
    known: Known,
    cache: Cache,
    log: Log,
    metrics: Metrics,
    alarm: Arc<Alarm>,
    engine: Option<Arc<Engine>>,
}

impl State {
    fn new(settings: Settings) -> io::Result<State> {
        // Compiled on first use, which is not to be the first request.
        let _ = settings.contract.request().is_valid(&serde_json::Value::Null);
        Ok(State {
            number: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            previous: Mutex::new(String::new()),
            models: settings.models.iter().map(|name| Model::named(name)).collect(),
            app_id: id::uuid(&mut Pcg64::seed_from_u64(settings.salt)),
            limit: settings.rate.map(|rate| Limit::new(rate, Instant::now())),
            known: Known::default(),
            cache: Cache::default(),
            log: Log::default(),
            metrics: Metrics::new(),
            alarm: Arc::new(Alarm::start()?),
            engine: settings.capacity.clone().map(|capacity| Arc::new(Engine::new(capacity))),
            settings,
        })
    }
}

/// Serves until `stop` ends, then lets open exchanges finish within the grace period.
///
/// # Errors
/// If the system refuses a thread.
pub async fn serve(listener: TcpListener, settings: Settings, stop: impl Future<Output = ()> + Send) -> io::Result<()> {
    let state = Arc::new(State::new(settings)?);
    let (closing, closed) = watch::channel(false);
    let mut stop = pin!(stop);
    let engine = state.engine.clone().map(|engine| {
        let alarm = Arc::clone(&state.alarm);
        tokio::spawn(async move { engine.run(&alarm).await })
    });
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        let Ok((stream, _)) = accepted else {
            // Out of descriptors, or the peer is gone already: both pass.
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        tokio::spawn(connection::carry(stream, Arc::clone(&state), closed.clone()));
    }
    // Who connects from now on is refused, and does not wait in vain.
    drop(listener);
    drop(closed);
    let _ = closing.send(true);
    closing.closed().await;
    if let Some(engine) = engine {
        engine.abort();
    }
    Ok(())
}
