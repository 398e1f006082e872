//! Replies that came compressed.

use schemars::JsonSchema;
use serde::Serialize;

use crate::summary::Summary;

/// Replies that came in a content coding.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Compressed {
    /// How many.
    pub replies: u64,
    /// Their share of the replies with an HTTP status.
    pub share: f64,
    /// Bytes of their bodies on the wire.
    pub wire_bytes: u64,
    /// Bytes of their bodies once decoded.
    pub decoded_bytes: u64,
}

impl Compressed {
    /// None where no reply was compressed.
    pub(super) fn of(summary: &Summary) -> Option<Compressed> {
        let compression = summary.compression;
        let answered = summary.statuses.values().sum::<u64>().max(compression.replies);
        (!compression.is_none()).then(|| Compressed {
            replies: compression.replies,
            share: compression.replies as f64 / answered as f64,
            wire_bytes: compression.wire_bytes,
            decoded_bytes: compression.decoded_bytes,
        })
    }
}
