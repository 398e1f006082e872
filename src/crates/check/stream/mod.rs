//! Rules about streams: their framing, and what their chunks say one after another.
//!
//! Azure's content filter tells its results in chunks of its own: a leading one without choices, and, where it works
//! asynchronously, later ones whose choices have no delta. In the openai dialect each kind is judged by one rule alone,
//! `stream-first-chunk-usable` and `stream-filter-chunk-usable`; the rules on id, created, object, model and schema pass
//! over them.

use crate::wire::json::{Members, Value};

use super::{INCOMPLETE, NO_STREAM, Verdict};
use crate::exchange::words::cut;
use crate::exchange::{Reading, Stream};
use crate::wire::api::reply::{choices, index};

pub(super) mod chunks;
pub(super) mod cumulative;
pub(super) mod framing;
pub(super) mod pieces;
pub(super) mod probed;
pub(crate) mod probes;
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

/// Whether a chunk brings the results of a content filter and nothing else: no choice of it has a delta (Azure's
/// asynchronous filter).
pub(super) fn is_filter_chunk(chunk: &Value) -> bool {
    let annotates = |choice: &Value| {
        let results = ["content_filter_results", "content_filter_offsets"];
        choice.member("delta").is_none() && results.iter().any(|name| choice.member(name).is_some())
    };
    !choices(chunk).is_empty() && choices(chunk).iter().all(annotates)
}

fn clip(text: &str) -> String {
    cut(text, 120)
}
