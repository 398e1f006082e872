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
    /// How many tokens of the prompt were seen before, by its [`blocks`]; from now on all of it was.
    pub(super) fn hit(&self, hashes: &[u64]) -> u64 {
        if hashes.is_empty() {
            return 0;
        }
        let mut blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        let hit = hashes.iter().take_while(|hash| blocks.known.contains(hash)).count();
        for hash in &hashes[hit..] {
            blocks.remember(*hash);
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

/// How many tokens the texts have, and the hashes of their whole blocks, each over everything before it.
pub(super) fn blocks(texts: &[&str]) -> (u64, Vec<u64>) {
    let (mut tokens, mut hashes, mut hash) = (0, Vec::new(), 0);
    for text in texts {
        for token in token::tokens(text) {
            hash = xxh3_64_with_seed(token.as_bytes(), hash);
            tokens += 1;
            if tokens % BLOCK == 0 {
                hashes.push(hash);
            }
        }
        // Two texts are not their concatenation.
        hash = xxh3_64_with_seed(b"", hash);
    }
    (tokens as u64, hashes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_blocks_of_a_common_prefix_are_found() {
        let cache = Cache::default();
        let hit = |texts: &[&str]| cache.hit(&blocks(texts).1);
        let system = "a ".repeat(40);
        assert_eq!(hit(&[&system, "first"]), 0);
        let again = hit(&[&system, "second"]);
        assert!(again > 0 && again % 16 == 0, "{again}");
        assert_eq!(hit(&["another", &system]), 0);
        assert_eq!(hit(&["short"]) + hit(&["short"]), 0);
    }

    #[test]
    fn memory_is_bounded() {
        let cache = Cache::default();
        let text = "x ".repeat(BLOCK * (MOST + 100));
        cache.hit(&blocks(&[&text]).1);
        let blocks = cache.blocks.lock().expect("no panic");
        assert!(blocks.known.len() <= MOST && blocks.order.len() <= MOST);
    }
}
