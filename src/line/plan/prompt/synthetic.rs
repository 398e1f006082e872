//! Prompts made of words, of a wanted length in tokens.
//!
//! The words are common English ones, each of which is one token of tiktoken's `cl100k_base` and `o200k_base`, with a space
//! before it and without; these cut a text between a word and the space behind it before they look for tokens, so that n
//! words are n tokens there. For another tokenizer, those words are taken that are one token of it ([`Manner::of`]). What a
//! chat template adds is not in the count, unless the endpoint itself was asked ([`Scale`]). Two prompts of
//! a run differ from their first words on, and so do those of two runs, unless both have the same seed and the same salt:
//! a prefix cache finds nothing in common but a prefix that is declared.

use std::sync::Arc;

use rand::{RngExt as _, SeedableRng as _};
use rand_distr::{Distribution as _, Zipf};
use rand_pcg::Pcg64;

use super::length::Length;
use super::tokenizer::Tokenizer;
use crate::plan::case::draw;

/// How a case's prompts are made.
#[derive(Debug, Clone, PartialEq)]
pub struct Synthetic {
    /// How many tokens.
    pub length: Length,
    /// What they share.
    pub prefix: Option<Prefix>,
    /// How tokens become words.
    pub manner: Manner,
}

/// How prompts of a number of tokens are said.
#[derive(Debug, Clone, PartialEq)]
pub struct Manner {
    words: Arc<[&'static str]>,
    /// How many words it takes.
    pub scale: Scale,
}

/// With fewer words of one token than this, prompts would be too much alike.
const LEAST_WORDS: usize = 16;
/// Numbers of words that a tokenizer is asked to count where it takes several tokens for most of them.
const COUNTED: [u64; 2] = [64, 512];

impl Default for Manner {
    /// All words, each for one token.
    fn default() -> Manner {
        Manner { words: WORDS.into(), scale: Scale::WORDS }
    }
}

impl Manner {
    /// What a tokenizer asks for: words that are one token each, so that prompts have their length exactly; where it
    /// has too few of them, all words, by what they come to on average.
    pub fn of(tokenizer: &Tokenizer) -> Manner {
        let count = |text: &str| tokenizer.count(text).unwrap_or(0);
        let is_one = |word: &&'static str| count(&format!("{word} {word}")) == count(word) + 1;
        let words: Vec<&'static str> = WORDS.into_iter().filter(is_one).collect();
        let base = words.first().map_or(0, |word| count(word).saturating_sub(1));
        if words.len() >= LEAST_WORDS && count(&words.join(" ")) == base + words.len() as u64 {
            return Manner { words: words.into(), scale: Scale { base: base as f64, per_word: 1.0 } };
        }
        let counted = COUNTED.map(|words| {
            let mut text = String::new();
            speak(&mut text, &WORDS, words, words);
            (words, count(&text) as f64)
        });
        Manner { scale: Scale::through(counted[0], counted[1]).unwrap_or(Scale::WORDS), ..Manner::default() }
    }
}

/// A beginning that prompts share, as those of one application do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prefix {
    /// How many different beginnings there are, at least 1.
    pub groups: u64,
    /// How long each is, in tokens; it is a part of the prompt's length.
    pub tokens: u64,
    /// Exponent of their popularity: 0 for all alike, 1 for Zipf's law.
    pub zipf: f64,
}

/// Tokens of a prompt by its words: `base + per_word * words`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// What the endpoint counts beside the words: its template, and other messages.
    pub base: f64,
    /// Tokens of a word.
    pub per_word: f64,
}

impl Scale {
    /// One token a word, and nothing beside them.
    pub const WORDS: Scale = Scale { base: 0.0, per_word: 1.0 };

    /// The line through two counts of words with the tokens that the endpoint counted for each; none where it cannot be
    /// a count of words at all.
    pub fn through(first: (u64, f64), second: (u64, f64)) -> Option<Scale> {
        let per_word = (second.1 - first.1) / (second.0 as f64 - first.0 as f64);
        let base = first.1 - per_word * first.0 as f64;
        (per_word.is_finite() && per_word > 0.1 && base > -1.0).then_some(Scale { base: base.max(0.0), per_word })
    }

    /// How many words make up so many tokens, at least 1.
    fn words(self, tokens: u64) -> u64 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
        let words = ((tokens as f64 - self.base) / self.per_word).round().clamp(1.0, 1e9) as u64;
        words
    }
}

/// Words of one token each.
const WORDS: [&str; 128] = [
    "about", "after", "again", "air", "all", "also", "an", "and", "any", "are", "around", "as", "at", "away", "back",
    "be", "because", "before", "big", "book", "both", "boy", "but", "by", "call", "came", "can", "car", "change",
    "city", "come", "could", "country", "day", "did", "do", "does", "down", "each", "earth", "eat", "end", "even",
    "every", "eye", "face", "far", "father", "few", "find", "first", "follow", "food", "for", "form", "four", "from",
    "get", "girl", "give", "go", "good", "great", "group", "grow", "had", "hand", "hard", "has", "have", "he", "head",
    "help", "her", "here", "high", "him", "his", "home", "house", "how", "idea", "if", "in", "into", "is", "it", "its",
    "just", "keep", "kind", "know", "land", "large", "last", "late", "learn", "left", "letter", "life", "light",
    "like", "line", "list", "little", "live", "long", "look", "made", "make", "many", "may", "me", "mean", "men",
    "might", "mile", "more", "most", "mother", "move", "much", "must", "my", "name", "near", "need", "never",
];

impl Synthetic {
    /// The prompt of request `nth` of its load, with the number `seq` in the plan, and its length in tokens as asked.
    /// Of the two roots, the first decides lengths and what is shared with which request, the second the words.
    pub fn prompt(&self, [seed, text_seed]: [u64; 2], seq: u64, nth: u64) -> (String, u64) {
        let tokens = self.length.draw(seed, seq, nth, "input");
        let Manner { words: known, scale } = &self.manner;
        let mut words = scale.words(tokens);
        // The average word has four letters.
        let mut text = String::with_capacity(usize::try_from(words).unwrap_or(0) * 6);
        if let Some(prefix) = self.prefix {
            let own = scale.words(prefix.tokens).min(words - 1);
            let group = prefix.group(seed, seq);
            speak(&mut text, known, own, draw(text_seed, group, "prefix"));
            words -= own;
        }
        speak(&mut text, known, words, draw(text_seed, seq, "words"));
        (text, tokens)
    }
}

impl Prefix {
    fn group(self, seed: u64, seq: u64) -> u64 {
        let mut random = Pcg64::seed_from_u64(draw(seed, seq, "group"));
        let drawn = Zipf::new(self.groups as f64, self.zipf).map_or(1.0, |zipf| zipf.sample(&mut random));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank from 1 to the groups")]
        let rank = drawn as u64;
        rank.clamp(1, self.groups) - 1
    }
}

fn speak(text: &mut String, known: &[&str], words: u64, seed: u64) {
    let mut random = Pcg64::seed_from_u64(seed);
    for _ in 0..words {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(known[random.random_range(0..known.len())]);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    fn synthetic(tokens: u64, prefix: Option<Prefix>) -> Synthetic {
        Synthetic { length: Length::Constant(tokens), prefix, manner: Manner::default() }
    }

    fn beginning(text: &str, words: usize) -> String {
        text.split(' ').take(words).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_prompt_has_its_length_and_is_like_no_other() {
        let plain = synthetic(100, None);
        let prompts: Vec<String> = (0..1000).map(|seq| plain.prompt([1, 1], seq, seq).0).collect();
        assert!(prompts.iter().all(|prompt| prompt.split(' ').count() == 100));
        let others = (0..1000).map(|seq| plain.prompt([2, 2], seq, seq).0);
        let begun: BTreeSet<String> = prompts.iter().cloned().chain(others).map(|text| beginning(&text, 8)).collect();
        assert_eq!(begun.len(), 2000, "they differ within their first words, over runs, too");
        assert_eq!(plain.prompt([1, 1], 5, 5), plain.prompt([1, 1], 5, 5));
    }

    #[test]
    fn a_declared_prefix_is_shared_and_popular_by_rank() {
        let shared = synthetic(50, Some(Prefix { groups: 8, tokens: 40, zipf: 1.0 }));
        let mut groups: BTreeMap<String, u64> = BTreeMap::new();
        for seq in 0..4000 {
            *groups.entry(beginning(&shared.prompt([1, 1], seq, seq).0, 40)).or_default() += 1;
        }
        let mut counts: Vec<u64> = groups.into_values().collect();
        counts.sort_unstable_by(|a, b| b.cmp(a));
        // Of eight groups by Zipf's law, the first has 36.8 % and the last 4.6 %.
        assert!(
            counts.len() == 8 && (1350..1600).contains(&counts[0]) && (120..260).contains(&counts[7]),
            "{counts:?}"
        );
        assert_eq!(shared.prompt([1, 1], 5, 5).0.split(' ').count(), 50);
        assert_ne!(shared.prompt([1, 1], 5, 5).0, shared.prompt([1, 1], 6, 6).0);
    }

    #[test]
    fn prompts_have_their_length_by_a_tokenizer() {
        for name in super::super::tokenizer::NAMES {
            let tokenizer = Tokenizer::built_in(name).expect("built in");
            let manner = Manner::of(&tokenizer);
            assert_eq!(manner, Manner::default(), "{name}: every word is one token");
            for (tokens, prefix) in
                [(1, None), (7, None), (500, None), (90, Some(Prefix { groups: 2, tokens: 40, zipf: 1.0 }))]
            {
                let made = Synthetic { manner: manner.clone(), ..synthetic(tokens, prefix) };
                assert_eq!(tokenizer.count(&made.prompt([1, 1], tokens, tokens).0), Some(tokens), "{name}");
            }
        }
    }

    #[test]
    fn a_scale_that_was_measured_is_applied() {
        let scale = Scale::through((64, 90.0), (512, 627.6)).expect("a line");
        assert!((scale.per_word - 1.2).abs() < 1e-9 && (scale.base - 13.2).abs() < 1e-9, "{scale:?}");
        assert_eq!(scale.words(1024), 842);
        assert_eq!(scale.words(1), 1);
        assert_eq!(Scale::through((64, 7.0), (512, 7.0)), None);
    }
}
