//! What comes in, with the instants at which it came.

use std::time::Duration;

use hyper::header::HeaderMap;
use hyper::{StatusCode, Version};

use crate::exchange::{Arrival, Body, Head};

/// What came so far of a reply.
#[derive(Default)]
pub(super) struct Received {
    pub(super) head: Option<RawHead>,
    pub(super) body: Body,
}

/// What of a reply that is too long is kept as evidence.
const KEPT_OF_TOO_LARGE: usize = 65_536;

/// Frames closer than this to the first one of an arrival belong to it: the library hands the frames of one read over
/// one by one, some microseconds apart, and a gap between tokens of that size would be made up.
const TOGETHER: Duration = Duration::from_micros(100);

impl Received {
    pub(super) fn take(&mut self, at: Duration, bytes: &[u8]) {
        self.body.bytes.extend_from_slice(bytes);
        let end = self.body.bytes.len();
        match self.body.arrivals.last_mut() {
            Some(last) if at.saturating_sub(last.at) < TOGETHER => last.end = end,
            _ => self.body.arrivals.push(Arrival { at, end }),
        }
    }

    /// Keeps of a reply that is too long what is evidence.
    pub(super) fn shorten(&mut self) {
        self.body.bytes.truncate(KEPT_OF_TOO_LARGE);
        self.body.arrivals.retain(|arrival| arrival.end <= KEPT_OF_TOO_LARGE);
    }
}

/// Status and headers as they came, to be read once the exchange is over.
pub(super) struct RawHead {
    pub(super) at: Duration,
    pub(super) status: StatusCode,
    pub(super) version: Version,
    pub(super) headers: HeaderMap,
}

impl RawHead {
    pub(super) fn read(self) -> Head {
        let version = match self.version {
            Version::HTTP_2 => "HTTP/2",
            Version::HTTP_10 => "HTTP/1.0",
            _ => "HTTP/1.1",
        };
        let headers = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        Head { at: self.at, status: self.status.as_u16(), version, headers }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_one_read_are_one_arrival() {
        let mut received = Received::default();
        for (us, bytes) in [(1000, "a"), (1050, "b"), (1099, "c"), (1100, "d"), (5000, "e")] {
            received.take(Duration::from_micros(us), bytes.as_bytes());
        }
        let ends: Vec<(u128, usize)> = received.body.arrivals.iter().map(|a| (a.at.as_micros(), a.end)).collect();
        assert_eq!(ends, [(1000, 3), (1100, 4), (5000, 5)]);
    }
}
