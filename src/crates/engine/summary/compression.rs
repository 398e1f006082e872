//! Replies that came in a content coding, and what that saved on the wire.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::exchange::{Coding, Exchange};

/// Replies of the measured part that came in a content coding which was decoded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Compression {
    /// How many.
    pub replies: u64,
    /// Bytes of their bodies on the wire.
    pub wire_bytes: u64,
    /// Bytes of their bodies once decoded.
    pub decoded_bytes: u64,
}

impl Compression {
    /// Whether no reply was compressed.
    pub fn is_none(&self) -> bool {
        self.replies == 0
    }

    pub(super) fn record(&mut self, exchange: &Exchange) {
        if let Coding::Decoded { wire } = exchange.transfer.coding {
            self.replies += 1;
            self.wire_bytes += wire;
            self.decoded_bytes += exchange.body.bytes.len() as u64;
        }
    }

    pub(super) fn merge(&mut self, other: Compression) {
        self.replies += other.replies;
        self.wire_bytes += other.wire_bytes;
        self.decoded_bytes += other.decoded_bytes;
    }
}
