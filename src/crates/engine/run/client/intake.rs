//! What comes in, with the instants at which it came.

use std::time::Duration;

use crate::exchange::done::{TAIL, ends_in_done};
use crate::exchange::{Arrival, Body, Head};

/// What came so far of a reply.
#[derive(Default)]
pub(super) struct Received {
    head: Option<Head>,
    /// The bytes in pages: what is in one never moves while more comes, and thousands of streams have no more room than
    /// they need.
    full: Vec<Vec<u8>>,
    /// The page that has room.
    page: Vec<u8>,
    len: usize,
    arrivals: Vec<Arrival>,
    /// Whether a header line was folded.
    pub(super) folded: bool,
    /// When a stream said `[DONE]`.
    done: Option<Duration>,
}

/// Bytes of a page at least, and at most.
const PAGE: [usize; 2] = [2048, 1 << 20];
/// A page holds at least so much of what came before it.
const SHARE: usize = 4;

/// What of a reply that is too long is kept as evidence.
const KEPT_OF_TOO_LARGE: usize = 65_536;

/// What comes closer than this behind the first bytes of an arrival belongs to it: the library hands the frames of one
/// read over one by one, some microseconds apart, a segment may be cut anywhere, and a gap between tokens of that size
/// would be made up.
const TOGETHER: Duration = Duration::from_micros(100);

impl Received {
    /// The head came.
    pub(super) fn begin(&mut self, head: Head) {
        self.head = Some(head);
    }

    /// Whether the status is a success.
    pub(super) fn is_success(&self) -> bool {
        self.status().is_some_and(|status| (200..300).contains(&status))
    }

    pub(super) fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    pub(super) fn status(&self) -> Option<u16> {
        self.head.as_ref().map(|head| head.status)
    }

    pub(super) fn take(&mut self, at: Duration, bytes: &[u8]) {
        self.keep(bytes);
        let end = self.len;
        match self.arrivals.last_mut() {
            Some(last) if at.saturating_sub(last.at) < TOGETHER => last.end = end,
            _ => self.arrivals.push(Arrival { at, end }),
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.len += bytes.len();
        let room = self.page.capacity() - self.page.len();
        let (here, rest) = bytes.split_at(room.min(bytes.len()));
        self.page.extend_from_slice(here);
        if !rest.is_empty() {
            let [smallest, largest] = PAGE;
            let size = (self.len / SHARE).clamp(smallest, largest).max(rest.len());
            let full = std::mem::replace(&mut self.page, Vec::with_capacity(size));
            if !full.is_empty() {
                self.full.push(full);
            }
            self.page.extend_from_slice(rest);
        }
    }

    /// Bytes of the body so far.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// When a stream said `[DONE]`, as far as the ends of what was looked at tell. Looks at the end of what came last.
    pub(super) fn done(&mut self) -> Option<Duration> {
        if self.done.is_none() && self.ends_in_done() {
            self.done = self.arrivals.last().map(|last| last.at);
        }
        self.done
    }

    /// The same, as far as it was looked for.
    pub(super) fn was_done(&self) -> Option<Duration> {
        self.done
    }

    fn ends_in_done(&self) -> bool {
        let page = &self.page[self.page.len().saturating_sub(TAIL)..];
        // An event may lie across the edge of a page.
        match self.full.last().filter(|_| page.len() < TAIL) {
            Some(before) if matches!(page.last(), Some(b'\n' | b'\r')) => {
                let before = &before[before.len().saturating_sub(TAIL)..];
                ends_in_done(&[before, page].concat())
            }
            Some(_) => false,
            None => ends_in_done(page),
        }
    }

    /// Arrivals of the body so far.
    pub(super) fn arrivals(&self) -> usize {
        self.arrivals.len()
    }

    /// Whether the head promises a stream of events.
    pub(super) fn is_stream(&self) -> bool {
        self.head.as_ref().and_then(Head::media_type).is_some_and(|media| media == "text/event-stream")
    }

    /// A copy of the body so far.
    pub(super) fn so_far(&self) -> Vec<u8> {
        self.full.iter().chain([&self.page]).flatten().copied().collect()
    }

    /// The head, and the body in one piece; of one that is longer than a reply may be, what is evidence.
    pub(super) fn finish(mut self, longest: usize) -> (Option<Head>, Body) {
        let kept = if self.len > longest { self.len.min(KEPT_OF_TOO_LARGE) } else { self.len };
        self.arrivals.retain(|arrival| arrival.end <= kept);
        let mut bytes = self.page;
        if !self.full.is_empty() {
            self.full.push(std::mem::replace(&mut bytes, Vec::with_capacity(kept)));
        }
        for page in self.full {
            bytes.extend_from_slice(&page[..page.len().min(kept - bytes.len())]);
        }
        bytes.truncate(kept);
        (self.head, Body { bytes, arrivals: self.arrivals })
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
        let (_, body) = received.finish(100);
        let ends: Vec<(u128, usize)> = body.arrivals.iter().map(|a| (a.at.as_micros(), a.end)).collect();
        assert_eq!((ends, body.bytes), (vec![(1000, 3), (1100, 4), (5000, 5)], b"abcde".to_vec()));
    }

    #[test]
    fn what_comes_in_pages_is_one_body() {
        let mut received = Received::default();
        let sent: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        for (number, piece) in (0..).zip(sent.chunks(777)) {
            received.take(Duration::from_millis(number), piece);
        }
        assert_eq!((received.len(), received.arrivals()), (sent.len(), sent.len().div_ceil(777)));
        assert!(received.finish(sent.len()).1.bytes == sent);
    }

    #[test]
    fn done_is_seen_wherever_it_was_cut() {
        let stream = [vec![b'x'; 2040], b"\n\ndata: [DONE]\n\n".to_vec()].concat();
        for cut in 0..stream.len() {
            let mut received = Received::default();
            received.take(Duration::from_secs(1), &stream[..cut]);
            assert_eq!(received.done(), None);
            received.take(Duration::from_secs(2), &stream[cut..]);
            assert_eq!(received.done(), Some(Duration::from_secs(2)), "cut at {cut}");
            received.take(Duration::from_secs(3), b": ping\n\n");
            assert_eq!(received.done(), Some(Duration::from_secs(2)), "it stays");
        }
    }

    #[test]
    fn of_a_reply_that_is_too_long_some_is_kept() {
        let mut received = Received::default();
        (0..100).for_each(|number| received.take(Duration::from_millis(number), &[7; 1000]));
        let (_, body) = received.finish(99_999);
        assert_eq!((body.bytes.len(), body.arrivals.last().map(|last| last.end)), (KEPT_OF_TOO_LARGE, Some(65_000)));
    }
}
