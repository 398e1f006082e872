//! The reference endpoint: a correct one in every dialect, and wrong on request.
//!
//! It is what the harness is proved on and what users rehearse their profiles on. It knows the contract
//! ([`crate::wire`]) and nothing else of this crate, so that a fault of the client and one of the endpoint cannot
//! cancel out. `front` finds the page and reads the body, `ask` reads the request, `say` decides what is said token by
//! token, `answer` makes a reply of it, serialised once; [`quirk`] spoils it, [`serve`] puts it on the wire in time.
//!
//! It counts tokens with a tokenizer of its own (`token`): an optional space and up to ten letters or digits, or one other
//! character. Every count, cap, log probability and `logit_bias` agrees with it.

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rand::SeedableRng as _;
use rand_pcg::Pcg64;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::wire::Dialect;

mod answer;
mod ask;
mod cache;
mod catalogue;
mod completion;
mod example;
mod front;
mod headers;
mod id;
mod language;
mod limit;
mod log;
mod metadata;
mod metrics;
mod openapi;
mod pace;
pub mod quirk;
mod refuse;
mod reply;
mod route;
mod say;
mod stream;
mod token;
mod tool;
mod usage;
mod wire;

pub use limit::Rate;

use cache::Cache;
use catalogue::Model;
use limit::Limit;
use log::Log;
use metrics::{InFlight, Metrics};
use quirk::Quirk;
use reply::Reply;
use wire::{Outgoing, Transcript};

/// What the endpoint is and how fast.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Which contract it keeps.
    pub dialect: Dialect,
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
    pub tokens: u64,
    /// The root of all that is random in it.
    pub seed: u64,
    /// What it does wrong.
    pub quirks: Vec<&'static Quirk>,
}

/// A random time: lognormal with this median.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Delay {
    /// Half of the times are longer.
    pub median: Duration,
    /// Standard deviation of the logarithm; 0 is a constant time.
    pub spread: f64,
}

impl Settings {
    /// A correct endpoint with the default models and delays.
    pub fn new(dialect: Dialect, seed: u64) -> Settings {
        Settings {
            dialect,
            key: None,
            models: ["pulze", "gpt-4o", "gpt-4o-mini", "llama-3.1-8b"].map(str::to_owned).to_vec(),
            forbidden: Vec::new(),
            rate: None,
            provider_failures: 0.0,
            first_token: Delay { median: Duration::from_millis(30), spread: 0.3 },
            token_gap: Delay { median: Duration::from_millis(5), spread: 0.3 },
            tokens: 48,
            seed,
            quirks: Vec::new(),
        }
    }
}

/// What the endpoint remembers between requests.
#[derive(Debug)]
struct State {
    settings: Settings,
    /// Requests answered so far.
    number: AtomicU64,
    /// Opening words of the last prompt, which an endpoint that mixes up requests would answer with.
    previous: Mutex<String>,
    models: Vec<Model>,
    /// The app that every key belongs to.
    app_id: String,
    limit: Option<Limit>,
    cache: Cache,
    log: Log,
    metrics: Metrics,
}

impl State {
    fn new(settings: Settings) -> State {
        State {
            number: AtomicU64::new(0),
            previous: Mutex::new(String::new()),
            models: settings.models.iter().map(|name| Model::named(name)).collect(),
            app_id: id::uuid(&mut Pcg64::seed_from_u64(settings.seed)),
            limit: settings.rate.map(|rate| Limit::new(rate, Instant::now())),
            cache: Cache::default(),
            log: Log::default(),
            metrics: Metrics::new(),
            settings,
        }
    }
}

/// Serves until `stop` ends, then lets open exchanges finish.
///
/// Nagle's algorithm is off: with it, small events wait for acknowledgements and token gaps of 40 ms appear.
pub async fn serve(listener: TcpListener, settings: Settings, stop: impl Future<Output = ()> + Send) {
    let state = Arc::new(State::new(settings));
    let (closing, closed) = watch::channel(false);
    let mut stop = pin!(stop);
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
        let _ = stream.set_nodelay(true);
        tokio::spawn(connection(TokioIo::new(stream), Arc::clone(&state), closed.clone()));
    }
    drop(closed);
    let _ = closing.send(true);
    closing.closed().await;
}

async fn connection(io: TokioIo<tokio::net::TcpStream>, state: Arc<State>, mut closed: watch::Receiver<bool>) {
    let service = service_fn(move |request| {
        let state = Arc::clone(&state);
        async move { Ok::<_, Infallible>(exchange(request, &state).await) }
    });
    let builder = auto::Builder::new(TokioExecutor::new());
    let mut connection = pin!(builder.serve_connection(io, service));
    let ended = tokio::select! {
        result = connection.as_mut() => Some(result),
        _ = closed.wait_for(|closing| *closing) => None,
    };
    if ended.is_none() {
        connection.as_mut().graceful_shutdown();
        let _ = connection.await;
    }
}

async fn exchange(request: Request<Incoming>, state: &Arc<State>) -> Response<Outgoing> {
    let began = Instant::now();
    let number = state.number.fetch_add(1, Ordering::Relaxed);
    let in_flight = front::is_completion(&request).then(|| InFlight::new(state, began));
    let reply = front::reply(request, state, number).await;
    let response = wire::respond(spoilt(reply, &state.settings.quirks), began).await;
    match in_flight {
        Some(in_flight) => in_flight.until_sent(response),
        None => response,
    }
}

/// The reply as bytes in time, with what the quirks do to it.
fn spoilt(mut reply: Reply, quirks: &[&'static Quirk]) -> Transcript {
    if !quirks.is_empty()
        && let Some(mut draft) = reply.draft()
    {
        for quirk in quirks {
            quirk.spoil_draft(&mut draft);
        }
        reply = Reply::of(draft);
    }
    let mut transcript = reply.transcribe();
    for quirk in quirks {
        quirk.spoil_transcript(&mut transcript);
    }
    transcript
}
