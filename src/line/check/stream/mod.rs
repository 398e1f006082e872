//! Rules about streams: their framing, and what their chunks say one after another.
//!
//! A leading chunk without choices (Azure's prompt filter) is judged by `stream-first-chunk-usable` alone in the
//! openai dialect; the rules on id, created, object and schema pass over it.

use crate::wire::json::Value;

use super::{INCOMPLETE, NO_STREAM, Verdict};
use crate::exchange::{Reading, Stream};
use crate::wire::reply::{choices, index};

pub(super) mod chunks;
pub(super) mod framing;
pub(super) mod pieces;
pub(super) mod probed;
pub(super) mod timing;

/// Whether the reply is a success that answers a request for a stream.
fn asked_stream(reading: &Reading<'_>) -> bool {
    reading.exchange.asked.wanted.stream && reading.success()
}

/// The stream, if its transfer came to its proper end, so that what is missing was never sent.
fn ended<'r>(reading: &'r Reading<'_>) -> Result<&'r Stream, Verdict> {
    let stream = reading.stream().ok_or(Verdict::Skip(NO_STREAM))?;
    if stream.bare_json.is_some() {
        return Err(Verdict::Skip("the body has no events"));
    }
    if reading.complete() { Ok(stream) } else { Err(Verdict::Skip(INCOMPLETE)) }
}

/// Every distinct piece of every choice: event, position in the chunk, index of the choice, and the piece.
pub(super) fn pieces_of(stream: &Stream) -> impl Iterator<Item = (usize, usize, u64, &Value)> {
    stream.distinct().flat_map(|(event, chunk)| {
        choices(chunk).iter().enumerate().map(move |(position, piece)| (event, position, index(piece), piece))
    })
}

fn clip(text: &str) -> String {
    text.chars().take(120).collect()
}
