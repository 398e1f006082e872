//! Bodies that have come before. Load often comes in the same few bodies, and that a body is JSON and keeps the request
//! schema follows from its bytes alone. So a body that comes a second time is kept as it was read, and is neither parsed
//! nor validated when it comes again, byte for byte. Whatever else is done for a request is done for each anew.
//!
//! The table is small and forgets: a body has one place, which the next one of that place takes. Nobody waits for it.

use std::sync::{Arc, Mutex, TryLockError};

use bytes::Bytes;
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

/// How many bodies are kept.
const PLACES: usize = 256;

/// Longest body that is kept.
const LONGEST: usize = 16 << 10;

/// Bodies that were read and found valid.
#[derive(Debug)]
pub(super) struct Known {
    places: Vec<Mutex<Place>>,
}

#[derive(Debug, Default)]
struct Place {
    /// Hash of the last body of this place.
    hash: u64,
    /// The body and what was read, once it has come twice.
    kept: Option<(Bytes, Arc<Value>)>,
}

impl Default for Known {
    fn default() -> Known {
        Known { places: (0..PLACES).map(|_| Mutex::default()).collect() }
    }
}

impl Known {
    /// What a body reads as; `read` is asked where that is not known.
    ///
    /// # Errors
    /// Those of `read`, none of which is kept.
    pub(super) fn read<E>(&self, bytes: &Bytes, read: impl FnOnce() -> Result<Value, E>) -> Result<Arc<Value>, E> {
        if bytes.len() > LONGEST {
            return read().map(Arc::new);
        }
        let hash = xxh3_64(bytes);
        let again = self.with(hash, |place| {
            let again = place.hash == hash;
            if !again {
                *place = Place { hash, kept: None };
            }
            (again, place.kept.as_ref().filter(|(kept, _)| kept == bytes).map(|(_, value)| Arc::clone(value)))
        });
        let (again, known) = again.unwrap_or_default();
        if let Some(known) = known {
            return Ok(known);
        }
        let value = Arc::new(read()?);
        if again {
            // A copy, since the bytes are a part of all that was read from the socket together.
            let kept = (Bytes::copy_from_slice(bytes), Arc::clone(&value));
            self.with(hash, |place| *place = Place { hash, kept: Some(kept) });
        }
        Ok(value)
    }

    /// Does something with the place of a hash, unless another thread is just doing so.
    fn with<T>(&self, hash: u64, work: impl FnOnce(&mut Place) -> T) -> Option<T> {
        #[expect(clippy::cast_possible_truncation, reason = "any bits will do")]
        let place = &self.places[hash as usize % PLACES];
        match place.try_lock() {
            Ok(mut place) => Some(work(&mut place)),
            Err(TryLockError::Poisoned(poisoned)) => Some(work(&mut poisoned.into_inner())),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often each of these bodies, in turn, had to be read.
    fn readings(bodies: &[&[u8]]) -> usize {
        let (known, mut readings) = (Known::default(), 0);
        for body in bodies {
            let read = || {
                readings += 1;
                serde_json::from_slice::<Value>(body)
            };
            let value = known.read(&Bytes::copy_from_slice(body), read);
            assert_eq!(value.ok().as_deref(), serde_json::from_slice(body).ok().as_ref());
        }
        readings
    }

    #[test]
    fn a_body_is_kept_when_it_comes_again_and_only_that_body() {
        assert_eq!(readings(&[b"[1]", b"[1]", b"[1]", b"[1]"]), 2);
        assert_eq!(readings(&[b"[1]", b"[1] ", b"[2]", b"[3]"]), 4);
        assert_eq!(readings(&[b"[1", b"[1", b"[1"]), 3, "what is wrong is found wrong each time");
        let long = [b"[", " ".repeat(LONGEST).as_bytes(), b"]"].concat();
        assert_eq!(readings(&[&long, &long, &long]), 3);
    }

    #[test]
    fn bodies_of_one_hash_are_told_apart() {
        let known = Known::default();
        let kept = (Bytes::from_static(b"[1]"), Arc::new(Value::from(1)));
        let hash = xxh3_64(b"[2]");
        known.with(hash, |place| *place = Place { hash, kept: Some(kept) });
        let read = known.read::<()>(&Bytes::from_static(b"[2]"), || Ok(Value::from(2)));
        assert_eq!(read.as_deref(), Ok(&Value::from(2)));
    }
}
