//! The prefix cache: which blocks of prompts were seen, as vLLM keeps them.
//!
//! A block is sixteen tokens, known by the hash of everything up to its end. Only whole blocks are found; the
//! opening of the reply follows them all, so no prompt is cached to its last token.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::token;

const BLOCK: usize = 16;

/// How many blocks are remembered; the oldest go first.
const MOST: usize = 1 << 16;

/// Blocks that were seen.
#[derive(Debug, Default)]
pub(super) struct Cache {
    blocks: Mutex<Blocks>,
}

#[derive(Debug, Default)]
struct Blocks {
    known: HashSet<u64>,
    order: VecDeque<u64>,
}

impl Cache {
    /// How many tokens of the prompt were seen before; from now on all of it was.
    pub(super) fn hit(&self, texts: &[&str]) -> u64 {
        let hashes = blocks(texts);
        if hashes.is_empty() {
            return 0;
        }
        let mut blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        let hit = hashes.iter().take_while(|hash| blocks.known.contains(hash)).count();
        for hash in hashes.into_iter().skip(hit) {
            blocks.remember(hash);
        }
        (hit * BLOCK) as u64
    }
}

impl Blocks {
    fn remember(&mut self, hash: u64) {
        if !self.known.insert(hash) {
            return;
        }
        self.order.push_back(hash);
        if self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}

/// Hashes of the whole blocks, each over everything before it.
fn blocks(texts: &[&str]) -> Vec<u64> {
    let (mut hashes, mut hash, mut filled) = (Vec::new(), 0, 0);
    for text in texts {
        for token in token::tokens(text) {
            hash = xxh3_64_with_seed(token.as_bytes(), hash);
            filled += 1;
            if filled % BLOCK == 0 {
                hashes.push(hash);
            }
        }
        // Two texts are not their concatenation.
        hash = xxh3_64_with_seed(b"", hash);
    }
    hashes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_blocks_of_a_common_prefix_are_found() {
        let cache = Cache::default();
        let system = "a ".repeat(40);
        assert_eq!(cache.hit(&[&system, "first"]), 0);
        let again = cache.hit(&[&system, "second"]);
        assert!(again > 0 && again % 16 == 0, "{again}");
        assert_eq!(cache.hit(&["another", &system]), 0);
        assert_eq!(cache.hit(&["short"]) + cache.hit(&["short"]), 0);
    }

    #[test]
    fn memory_is_bounded() {
        let cache = Cache::default();
        let text = "x ".repeat(BLOCK * (MOST + 100));
        cache.hit(&[&text]);
        let blocks = cache.blocks.lock().expect("no panic");
        assert!(blocks.known.len() <= MOST && blocks.order.len() <= MOST);
    }
}
