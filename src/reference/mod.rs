//! The reference endpoint: a correct one in every dialect, and wrong on request.
//!
//! It is what the harness is proved on and what users rehearse their profiles on. It knows the contract
//! ([`crate::wire`]) and nothing else of this crate, so that a fault of the client and one of the endpoint cannot
//! cancel out. `answer` decides what is said, [`quirk`] and `spoil` spoil it, [`serve`] puts it on the wire in time, through
//! `socket` where hyper would not say it.

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http_body_util::Either;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::wire::Dialect;

mod answer;
mod front;
pub mod quirk;
mod socket;
mod spoil;
mod tool;
mod wire;

use quirk::Quirk;
use socket::{Socket, Stream};
pub use spoil::When;
use wire::Outgoing;

/// What the endpoint is and how fast.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Which contract it keeps.
    pub dialect: Dialect,
    /// The key it accepts; without one, any non-empty bearer passes.
    pub key: Option<String>,
    /// The models it knows; the first is the default.
    pub models: Vec<String>,
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
    /// When it does that.
    pub when: When,
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
            first_token: Delay { median: Duration::from_millis(30), spread: 0.3 },
            token_gap: Delay { median: Duration::from_millis(5), spread: 0.3 },
            tokens: 48,
            seed,
            quirks: Vec::new(),
            when: When::default(),
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
    /// Exchanges whose reply has not ended, where quirks may act on them.
    open: Arc<AtomicU64>,
    /// Opening words of the last prompt, which an endpoint that mixes up requests would answer with.
    previous: Mutex<String>,
}

/// Serves until `stop` ends, then lets open exchanges finish.
///
/// Nagle's algorithm is off: with it, small events wait for acknowledgements and token gaps of 40 ms appear.
pub async fn serve(listener: TcpListener, settings: Settings, stop: impl Future<Output = ()> + Send) {
    let state = Arc::new(State {
        settings,
        number: AtomicU64::new(0),
        connections: AtomicU64::new(0),
        open: Arc::default(),
        previous: Mutex::new(String::new()),
    });
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
        tokio::spawn(connection(stream, Arc::clone(&state), closed.clone()));
    }
    drop(closed);
    let _ = closing.send(true);
    closing.closed().await;
}

async fn connection(stream: impl Stream + 'static, state: Arc<State>, mut closed: watch::Receiver<bool>) {
    let number = state.connections.fetch_add(1, Ordering::Relaxed);
    let quirks = spoil::acting(&state.settings, number, state.open.load(Ordering::Relaxed) + 1);
    for pause in quirks.iter().filter_map(|quirk| quirk.pause()) {
        tokio::time::sleep(pause).await;
    }
    let socket = Socket::new(stream);
    let io = TokioIo::new(socket.clone());
    let service = service_fn(move |request| {
        let (state, socket) = (Arc::clone(&state), socket.clone());
        async move { Ok::<_, Infallible>(exchange(request, &state, &socket).await) }
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

async fn exchange(request: Request<Incoming>, state: &State, socket: &Socket) -> Response<Outgoing> {
    let began = Instant::now();
    let number = state.number.fetch_add(1, Ordering::Relaxed);
    if !state.settings.quirks.is_empty() {
        return spoil::exchange(request, state, number, began, socket).await;
    }
    let draft = front::draft(request.map(Either::Left), state, number).await;
    wire::respond(draft.transcribe(), began).await
}
