//! The reference endpoint: a correct one in every dialect, and wrong on request.
//!
//! It is what the harness is proved on and what users rehearse their profiles on. It knows the contract
//! ([`crate::wire`]) and nothing else of this crate, so that a fault of the client and one of the endpoint cannot
//! cancel out. `answer` decides what is said, [`quirk`] spoils it, `wire` puts it on the wire in time.
//!
//! When it is said is drawn ([`delay`]), or follows from a model of a batching server ([`capacity`], [`batch`]). What
//! the endpoint did at which instant is recorded ([`record`]).

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::{Request, Response};
use rustls::server::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::wire::Dialect;

mod alarm;
mod answer;
mod arriving;
pub mod batch;
pub mod capacity;
mod connection;
pub mod delay;
mod engine;
mod front;
mod gzip;
mod overload;
mod pace;
pub mod quirk;
pub mod record;
mod timer;
pub mod tls;
mod tool;
mod wire;

use alarm::Alarm;
use arriving::{Arriving, ReadAt};
use capacity::Capacity;
use delay::{Delay, Length};
use engine::Engine;
use quirk::Quirk;
use record::{Recorder, Witness};
use timer::{Course, Timer};
use wire::{Draft, Outgoing};

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
    pub tokens: Length,
    /// A batching server whose load decides when tokens are made, in place of the two delays.
    pub capacity: Option<Capacity>,
    /// The root of all that is random in it.
    pub seed: u64,
    /// What it does wrong.
    pub quirks: Vec<&'static Quirk>,
    /// TLS, where it is spoken.
    pub tls: Option<Arc<ServerConfig>>,
    /// Where each exchange is recorded.
    pub recorder: Option<Recorder>,
    /// How long open exchanges have to finish once the endpoint is told to stop.
    pub grace: Duration,
}

impl Settings {
    /// A correct endpoint with the default models and delays.
    pub fn new(dialect: Dialect, seed: u64) -> Settings {
        let lognormal = |ms| Delay::Lognormal { median: Duration::from_millis(ms), spread: 0.3 };
        Settings {
            dialect,
            key: None,
            models: ["pulze", "gpt-4o", "gpt-4o-mini", "llama-3.1-8b"].map(str::to_owned).to_vec(),
            first_token: lognormal(30),
            token_gap: lognormal(5),
            tokens: Length::Constant(48),
            capacity: None,
            seed,
            quirks: Vec::new(),
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
    /// Opening words of the last prompt, which an endpoint that mixes up requests would answer with.
    previous: Mutex<String>,
    alarm: Arc<Alarm>,
    engine: Option<Arc<Engine>>,
}

impl State {
    fn new(settings: Settings) -> io::Result<State> {
        // Compiled on first use, which is not to be the first request.
        let _ = settings.dialect.request();
        let engine = settings.capacity.clone().map(|capacity| Arc::new(Engine::new(capacity)));
        let (number, previous) = (AtomicU64::new(0), Mutex::new(String::new()));
        Ok(State { settings, number, previous, alarm: Arc::new(Alarm::start()?), engine })
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

async fn exchange(request: Request<Incoming>, state: &State) -> Response<Outgoing> {
    let head = Instant::now();
    let number = state.number.fetch_add(1, Ordering::Relaxed);
    let mut witness = Witness::new(state.settings.recorder.as_ref(), &request, number, head);
    let packed = gzip::accepted(request.headers());
    let read = ReadAt::default();
    let request = request.map(|body| Arriving::new(body, Arc::clone(&read)));
    let draft = front::draft(request, state, number).await;
    let read = read.get().copied().unwrap_or(head);
    witness.read(read);
    let (mut draft, course) = course(draft, state, read);
    for quirk in &state.settings.quirks {
        quirk.spoil_draft(&mut draft);
    }
    let mut transcript = draft.transcribe();
    for quirk in &state.settings.quirks {
        quirk.spoil_transcript(&mut transcript);
    }
    if packed {
        gzip::pack(&mut transcript);
    }
    wire::respond(transcript, Timer::new(course, Arc::clone(&state.alarm)), witness).await
}

/// Sends what is to be generated through the engine, where there is one; a request it turns away gets another reply.
fn course(mut draft: Draft, state: &State, read: Instant) -> (Draft, Course) {
    let (Some(engine), Some(pace)) = (&state.engine, draft.pace.take()) else { return (draft, Course::Drawn(read)) };
    match engine.offer(draft.number, pace) {
        Ok(progress) => (draft, Course::Engine(progress)),
        Err(refusal) => (overload::draft(refusal, state.settings.dialect, draft.number), Course::Drawn(read)),
    }
}
