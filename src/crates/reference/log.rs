//! The last requests with their responses, by the id that Pulze gives them (`GET /v1/logs/{id}`).

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

/// How many pairs are kept; the oldest go first.
const MOST: usize = 1000;

/// How many bytes of pairs are kept, so that a thousand long prompts do not fill the memory.
const MOST_BYTES: usize = 64 << 20;

/// Pairs of a request and its response.
#[derive(Debug, Default)]
pub(super) struct Log {
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    ring: VecDeque<Entry>,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    id: String,
    request: Bytes,
    response: Vec<u8>,
}

impl Entry {
    fn bytes(&self) -> usize {
        self.request.len() + self.response.len()
    }
}

impl Log {
    /// Keeps a pair.
    pub(super) fn store(&self, id: &str, request: &Bytes, response: Vec<u8>) {
        let entry = Entry { id: id.to_owned(), request: request.clone(), response };
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.bytes += entry.bytes();
        entries.ring.push_back(entry);
        while entries.ring.len() > MOST || entries.bytes > MOST_BYTES {
            let Some(oldest) = entries.ring.pop_front() else { break };
            entries.bytes -= oldest.bytes();
        }
    }

    /// The pair of that id, as JSON.
    pub(super) fn find(&self, id: &str) -> Option<Vec<u8>> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.ring.iter().find(|entry| entry.id == id)?;
        // Both are JSON already, and an id needs no escapes.
        let parts: [&[u8]; 7] = [
            b"{\"id\":\"",
            entry.id.as_bytes(),
            b"\",\"request\":",
            &entry.request,
            b",\"response\":",
            &entry.response,
            b"}",
        ];
        Some(parts.concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_pairs_are_kept_within_bounds() {
        let log = Log::default();
        for number in 0..=MOST {
            log.store(&number.to_string(), &Bytes::from_static(b"{}"), b"[]".to_vec());
        }
        assert_eq!(log.find("0"), None);
        assert_eq!(log.find("1").as_deref(), Some(&br#"{"id":"1","request":{},"response":[]}"#[..]));
        log.store("long", &Bytes::from(vec![b' '; MOST_BYTES]), Vec::new());
        log.store("last", &Bytes::from_static(b"{}"), Vec::new());
        assert!(log.find("1").is_none() && log.find("long").is_none() && log.find("last").is_some());
    }
}
