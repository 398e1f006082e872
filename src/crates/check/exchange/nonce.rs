//! Tags that make prompts differ and that are recognised when they come back in an answer.
//!
//! A tag is 13 characters of base 32. It encodes the ticket's number and a check value under a key that comes from
//! the root of the run's text: no two tickets of a run share a tag, two runs have different tags from the first
//! character on (a prefix cache finds nothing in common), and a tag in an answer can be decoded back to the ticket
//! it was made for, so that an answer with another request's tag is proof of crosstalk.

/// What stands in a prompt where the tag goes.
pub const PLACEHOLDER: &str = "{{unique}}";

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const LENGTH: usize = 13;
const SEQ_BITS: u32 = 40;
const A: u64 = 0x9E37_79B9_7F4A_7C15;
const B: u64 = 0xD6E8_FEB8_6659_FD93;

/// Key of a run's tags, from the root of its text.
pub fn key(text: u64) -> u64 {
    scramble(text, A ^ B)
}

/// The tag of a ticket.
///
/// Tickets beyond 2^40 would repeat tags; at a million a second that is twelve days.
pub fn tag(key: u64, seq: u64) -> String {
    let seq = seq & ((1 << SEQ_BITS) - 1);
    let mut bits = scramble(seq | (check(key, seq) << SEQ_BITS), key);
    let mut text = [0; LENGTH];
    for letter in text.iter_mut().rev() {
        *letter = ALPHABET[(bits & 31) as usize];
        bits >>= 5;
    }
    text.iter().map(|b| char::from(*b)).collect()
}

/// The tickets whose tags stand in a text, in order.
pub fn found(key: u64, text: &str) -> Vec<u64> {
    text.split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| word.len() == LENGTH)
        .filter_map(|word| decode(key, word))
        .collect()
}

fn decode(key: u64, word: &str) -> Option<u64> {
    let mut bits: u64 = 0;
    for letter in word.bytes() {
        let digit = ALPHABET.iter().position(|a| *a == letter)?;
        bits = bits.checked_mul(32)? | digit as u64;
    }
    let plain = unscramble(bits, key);
    let seq = plain & ((1 << SEQ_BITS) - 1);
    (plain >> SEQ_BITS == check(key, seq)).then_some(seq)
}

/// 24 bits that a random word has one chance in 16 million to match.
fn check(key: u64, seq: u64) -> u64 {
    scramble(seq, key ^ B) >> SEQ_BITS
}

/// A bijection of the 64-bit numbers: odd multiplications and right-shift exclusive-ors can each be undone.
fn scramble(mut bits: u64, key: u64) -> u64 {
    bits = (bits ^ key).wrapping_mul(A);
    bits ^= bits >> 32;
    bits = bits.wrapping_mul(B);
    bits ^ (bits >> 32)
}

fn unscramble(mut bits: u64, key: u64) -> u64 {
    bits ^= bits >> 32;
    bits = bits.wrapping_mul(inverse(B));
    bits ^= bits >> 32;
    bits.wrapping_mul(inverse(A)) ^ key
}

/// Inverse of an odd number modulo 2^64, by Newton's iteration: each step doubles the correct low bits, from 3.
const fn inverse(odd: u64) -> u64 {
    let mut x = odd;
    let mut step = 0;
    while step < 5 {
        x = x.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(x)));
        step += 1;
    }
    x
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn tags_are_distinct_and_come_back() {
        let key = key(7);
        let mut seen = HashSet::new();
        for seq in (0..10_000).chain([(1 << SEQ_BITS) - 1]) {
            let tag = tag(key, seq);
            assert_eq!(tag.len(), LENGTH);
            assert_eq!(found(key, &format!("You said: \"{tag}\" and more")), [seq]);
            assert!(seen.insert(tag));
        }
    }

    #[test]
    fn another_run_has_other_tags_and_does_not_know_ours() {
        let ours = tag(key(1), 0);
        assert_ne!(ours, tag(key(2), 0));
        assert_eq!(found(key(2), &ours), [0_u64; 0]);
        let first: HashSet<String> = (0..64).map(|seed| tag(key(seed), 0)[..2].to_owned()).collect();
        assert!(first.len() > 40, "first characters vary between runs");
    }

    #[test]
    fn ordinary_words_are_no_tags() {
        let text = "extraordinary 0123456789abc congratulatio zzzzzzzzzzzzz yyyyyyyyyyyyy";
        assert_eq!(found(key(1), text), [0_u64; 0]);
    }
}
