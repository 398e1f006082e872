//! Prompts made of words, of a wanted length in tokens.
//!
//! The words are common English ones, each of which is one token of tiktoken's `cl100k_base` and `o200k_base`, with a space
//! before it and without; these cut a text between a word and the space behind it before they look for tokens, so that n
//! words are n tokens there. For another tokenizer, those words are taken that are one token of it; where it has too few
//! of them, all words, each for as many tokens as it is ([`Manner::of`]). What a
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
    words: Arc<[Word]>,
    /// How the tokens of a prompt follow from those of its words.
    pub scale: Scale,
}

/// A word, and what it comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Word {
    text: &'static str,
    /// Its tokens at the beginning of a text.
    first: u64,
    /// Its tokens behind a word and a space.
    then: u64,
}

/// With fewer words of one token than this, prompts would be too much alike.
const LEAST_WORDS: usize = 16;
impl Default for Manner {
    /// All words, each for one token.
    fn default() -> Manner {
        Manner { words: WORDS.map(|text| Word { text, first: 1, then: 1 }).into(), scale: Scale::WORDS }
    }
}

impl Manner {
    /// What a tokenizer asks for: words that are one token each; where it has too few of them, all words, each for what
    /// it comes to. Either way prompts have their length exactly, as long as the tokenizer cuts texts at spaces.
    pub fn of(tokenizer: &Tokenizer) -> Manner {
        let count = |text: &str| tokenizer.count(text).unwrap_or(0);
        // What cannot be said at all is taken for one token, so that no prompt goes on for ever.
        let weighed = |text: &'static str| {
            let alone = count(text);
            let then = count(&format!("{text} {text}")).saturating_sub(alone);
            Word { text, first: alone.max(1), then: then.max(1) }
        };
        let all = WORDS.map(weighed);
        let single: Vec<Word> = all.into_iter().filter(|word| word.then == 1).collect();
        let words = if single.len() >= LEAST_WORDS { single } else { all.to_vec() };
        // Of a tokenizer that looks across spaces, a long text has more or fewer tokens than its words.
        let text = words.iter().map(|word| word.text).collect::<Vec<_>>().join(" ");
        let sum = words[0].first + words[1..].iter().map(|word| word.then).sum::<u64>();
        let per_word = count(&text) as f64 / sum as f64;
        let scale = if per_word > 0.1 { Scale { base: 0.0, per_word } } else { Scale::WORDS };
        Manner { words: words.into(), scale }
    }

    /// Adds words to a text until they come to so many tokens, or as near to it as these words can; at least one word.
    fn speak(&self, text: &mut String, tokens: u64, seed: u64) {
        let mut random = Pcg64::seed_from_u64(seed);
        let mut left = tokens;
        while left > 0 {
            let drawn = random.random_range(0..self.words.len());
            let begins = text.is_empty();
            let Some(word) = self.fitting(drawn, left, begins).or_else(|| self.shortest().filter(|_| left == tokens))
            else {
                break;
            };
            if !begins {
                text.push(' ');
            }
            text.push_str(word.text);
            left = left.saturating_sub(word.tokens(begins));
        }
    }

    /// The first word from that place on that leaves nothing, or enough for another; none where no word does.
    fn fitting(&self, from: usize, left: u64, begins: bool) -> Option<Word> {
        let least = self.shortest()?.then;
        let fits = |word: &Word| {
            let tokens = word.tokens(begins);
            tokens == left || tokens.saturating_add(least) <= left
        };
        self.words[from..].iter().chain(&self.words[..from]).copied().find(fits)
    }

    fn shortest(&self) -> Option<Word> {
        self.words.iter().copied().min_by_key(|word| word.then)
    }
}

impl Word {
    fn tokens(self, begins: bool) -> u64 {
        if begins { self.first } else { self.then }
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
        let scale = self.manner.scale;
        let mut words = scale.words(tokens);
        // The average word has four letters.
        let mut text = String::with_capacity(usize::try_from(words).unwrap_or(0) * 6);
        if let Some(prefix) = self.prefix {
            let own = scale.words(prefix.tokens).min(words - 1);
            let group = prefix.group(seed, seq);
            self.manner.speak(&mut text, own, draw(text_seed, group, "prefix"));
            words -= own;
        }
        self.manner.speak(&mut text, words, draw(text_seed, seq, "words"));
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

    /// A tokenizer of word pieces that has every letter, and so many of our words whole.
    fn small(whole: usize) -> Tokenizer {
        let letters = (b'a'..=b'z').map(|letter| char::from(letter).to_string());
        let pieces = letters.flat_map(|letter| [format!("##{letter}"), letter]);
        let whole = WORDS.iter().take(whole).map(|word| (*word).to_owned());
        let mut vocab = serde_json::Map::new();
        for (id, piece) in std::iter::once("[UNK]".to_owned()).chain(pieces).chain(whole).enumerate() {
            vocab.insert(piece, id.into());
        }
        let json = serde_json::json!({
            "added_tokens": [{"id": 0, "content": "[UNK]", "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": false, "special": true}],
            "normalizer": null, "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null,
            "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
            "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                "max_input_chars_per_word": 100, "vocab": vocab},
        });
        Tokenizer::read("small.json", json.to_string().as_bytes()).expect("a tokenizer")
    }

    #[test]
    fn prompts_have_their_length_by_a_vocabulary_of_a_few_dozen_words() {
        for whole in [0, 5, 10, 40] {
            let tokenizer = small(whole);
            let manner = Manner::of(&tokenizer);
            for (tokens, prefix) in [(32, None), (500, None), (90, Some(Prefix { groups: 2, tokens: 40, zipf: 1.0 }))] {
                let made = Synthetic { manner: manner.clone(), ..synthetic(tokens, prefix) };
                for seq in 0..50 {
                    let counted = tokenizer.count(&made.prompt([1, 1], seq, seq).0);
                    assert_eq!(counted, Some(tokens), "{whole} whole words, prompt {seq}");
                }
            }
            let shortest = Synthetic { manner, ..synthetic(1, None) };
            assert!(!shortest.prompt([1, 1], 3, 3).0.is_empty(), "a prompt has a word at least");
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
