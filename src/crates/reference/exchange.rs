//! One exchange, from the request to the last byte, with every quirk that acts on it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{Request, Response};

use super::arriving::{Arriving, ReadAt};
use super::metrics::InFlight;
use super::quirk::Quirk;
use super::record::{Ending, Witness};
use super::reply::Reply;
use super::socket::Socket;
use super::timer::{Course, Timer};
use super::transcript::{self, Outgoing, Transcript};
use super::{State, front, gzip, overload, spoil};

/// Answers a request. `socket` is the connection, where a quirk may take it over.
pub(super) async fn exchange(
    request: Request<Incoming>,
    state: &Arc<State>,
    socket: Option<&Socket>,
) -> Response<Outgoing> {
    let began = Instant::now();
    let (mut head, body) = request.into_parts();
    let number = state.number.fetch_add(1, Ordering::Relaxed);
    let in_flight = front::is_completion(&head).then(|| InFlight::new(state, began));
    // A request for another page is not counted, but is open all the same.
    let open = state.metrics.in_flight() + u64::from(in_flight.is_none());
    let quirks = spoil::acting(&state.settings, number, open);
    let mut witness = Witness::new(state.settings.recorder.as_ref(), &head, number, began);
    for quirk in quirks {
        quirk.spoil_head(&mut head, state.settings.key.as_deref().unwrap_or("any"));
    }
    let packed = gzip::accepted(&head.headers);
    let read = ReadAt::default();
    let body = Arriving::new(body, Arc::clone(&read));
    let (body, asked) = spoil::overhear(body, quirks, &state.settings.models).await;
    let reply = front::reply(&head, body, state, number).await;
    let read = read.get().copied().unwrap_or(began);
    witness.read(read);
    let (reply, course) = course(reply, state, read);
    let mut transcript = spoilt(reply, quirks, &asked, &head);
    let timer = Timer::new(course, Arc::clone(&state.alarm));
    if let Some((script, socket)) = quirks.iter().find_map(|quirk| quirk.script(&transcript)).zip(socket) {
        witness.ends(Ending::Broken);
        // The exchange is over before the client sees its end, so that its next request does not count it.
        let closing = socket.play(script, read.into()).await;
        drop(in_flight);
        drop(closing);
        return Response::new(Outgoing::nothing(timer, witness));
    }
    if packed {
        gzip::pack(&mut transcript);
    }
    transcript::respond(transcript, timer, witness, in_flight).await
}

/// Sends what is to be generated through the engine, where there is one; a request it turns away gets another reply.
fn course(mut reply: Reply, state: &State, read: Instant) -> (Reply, Course) {
    let (Some(engine), Some(pace)) = (&state.engine, reply.pace.take()) else { return (reply, Course::Drawn(read)) };
    match engine.offer(reply.number, pace) {
        Ok(progress) => (reply, Course::Engine(progress)),
        Err(refusal) => (overload::reply(refusal, &state.settings.contract, reply.number), Course::Drawn(read)),
    }
}

/// The reply as bytes in time, with what the quirks do to it.
fn spoilt(mut reply: Reply, quirks: &[&'static Quirk], asked: &serde_json::Value, head: &Parts) -> Transcript {
    if !quirks.is_empty()
        && let Some(mut draft) = reply.draft()
    {
        for quirk in quirks {
            quirk.spoil_draft(&mut draft, asked);
        }
        reply = Reply::of(draft);
    }
    let mut transcript = reply.transcribe();
    for quirk in quirks {
        quirk.spoil_transcript(&mut transcript, head);
    }
    transcript
}
