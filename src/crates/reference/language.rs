//! The language model: forty words, of which each says how likely the next ones are.
//!
//! The word of rank r after a word has probability proportional to 1 / (r + 1), sharpened or flattened by the
//! temperature, cut by `top_p`, and moved by `logit_bias` and the penalties, as a real model's logits are. The likeliest
//! words form a cycle through the whole vocabulary, so even temperature 0 does not stammer.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use rand::RngExt as _;
use rand_pcg::Pcg64;

use super::token;

/// How many words it knows.
pub(super) const SIZE: usize = 40;

/// The vocabulary: each word is one token, its space included.
pub(super) const WORDS: [&str; SIZE] = [
    " the", " river", " runs", " slowly", " past", " old", " stones", " and", " under", " a", " narrow", " bridge",
    " where", " light", " falls", " on", " green", " water", " while", " wind", " moves", " through", " tall",
    " grass", " near", " quiet", " fields", " that", " turn", " to", " gold", " each", " autumn", " before", " first",
    " snow", " covers", " every", " winding", " path",
];

/// Ids of the words.
static IDS: LazyLock<[u64; SIZE]> = LazyLock::new(|| WORDS.map(token::id));

/// What `OpenAI` reports for a token that has next to no probability.
const LEAST: f64 = -9999.0;

/// What changes how words are drawn.
#[derive(Debug, Clone)]
pub(super) struct Sampling {
    /// Sampling temperature.
    pub(super) temperature: f64,
    /// Share of the probability that is drawn from.
    pub(super) top_p: f64,
    /// Added to the logits, by token id.
    pub(super) bias: BTreeMap<u64, f64>,
    /// Taken from the logit of each word that was said.
    pub(super) presence: f64,
    /// Taken from the logit of a word for each time it was said.
    pub(super) frequency: f64,
}

impl Default for Sampling {
    fn default() -> Self {
        Sampling { temperature: 1.0, top_p: 1.0, bias: BTreeMap::new(), presence: 0.0, frequency: 0.0 }
    }
}

impl Sampling {
    /// Whether every word of a rank is as likely as any other.
    fn ignores_words(&self) -> bool {
        self.bias.is_empty() && self.presence == 0.0 && self.frequency == 0.0
    }

    /// Whether the logits are as they are: the usual case, and the hot one.
    fn is_default(&self) -> bool {
        self.ignores_words() && (self.temperature - 1.0).abs() < f64::EPSILON
    }

    /// Whether the bias rules a token out.
    pub(super) fn bans(&self, token: &str) -> bool {
        !self.bias.is_empty() && self.bias.get(&token::id(token)).is_some_and(|bias| *bias <= -100.0)
    }

    /// Whether the bias leaves no choice.
    pub(super) fn forces(&self) -> bool {
        self.bias.values().any(|bias| *bias >= 100.0)
    }
}

/// A text in the making.
#[derive(Debug)]
pub(super) struct Speaker<'s> {
    sampling: &'s Sampling,
    /// Likelihood by rank while nothing depends on the word.
    plain: Option<Cow<'static, Likelihood>>,
    said: [f64; SIZE],
    previous: usize,
}

/// What may come next, by rank.
#[derive(Debug, Clone, Copy)]
struct Likelihood {
    weights: [f64; SIZE],
    total: f64,
}

/// That of a model whose logits nothing moves.
static USUAL: Likelihood = Likelihood::usual();

impl Likelihood {
    const fn usual() -> Likelihood {
        let (mut weights, mut total, mut rank) = ([0.0; SIZE], 0.0, 0);
        while rank < SIZE {
            weights[rank] = 1.0 / (rank + 1) as f64;
            total += weights[rank];
            rank += 1;
        }
        Likelihood { weights, total }
    }

    /// Draws a rank.
    fn draw(&self, random: &mut Pcg64) -> usize {
        let mut left = random.random::<f64>() * self.total;
        let rank = self.weights.iter().position(|weight| {
            left -= weight;
            left < 0.0
        });
        rank.unwrap_or(0)
    }
}

/// A word that was drawn, or could have been.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Word {
    /// The token.
    pub(super) token: &'static str,
    /// How likely it was.
    pub(super) probability: f64,
}

/// The logarithm of a probability, as it is reported.
pub(super) fn logprob(probability: f64) -> f64 {
    probability.ln().clamp(LEAST, 0.0)
}

impl<'s> Speaker<'s> {
    /// Nothing said yet; the first word follows this one.
    pub(super) fn new(sampling: &'s Sampling, start: usize) -> Speaker<'s> {
        let plain = sampling.ignores_words();
        let mut speaker = Speaker { sampling, plain: None, said: [0.0; SIZE], previous: start % SIZE };
        speaker.plain = plain.then(|| speaker.likelihood());
        speaker
    }

    /// Says one more word, and up to `top` of the likeliest ones in its place, best first.
    pub(super) fn next(&mut self, top: usize, random: &mut Pcg64) -> (Word, Vec<Word>) {
        let likelihood = self.current();
        let rank = likelihood.draw(random);
        let best = if top == 0 { Vec::new() } else { self.best(&likelihood, top) };
        let word = self.word(&likelihood, rank);
        self.previous = after(self.previous, rank);
        self.said[self.previous] += 1.0;
        (word, best)
    }

    /// The likeliest next words, best first.
    pub(super) fn likeliest(&self, top: usize) -> Vec<Word> {
        self.best(&self.current(), top)
    }

    fn best(&self, likelihood: &Likelihood, top: usize) -> Vec<Word> {
        let mut words: Vec<Word> = (0..SIZE).map(|rank| self.word(likelihood, rank)).collect();
        words.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        words.truncate(top);
        words
    }

    fn word(&self, likelihood: &Likelihood, rank: usize) -> Word {
        let probability = likelihood.weights[rank] / likelihood.total;
        Word { token: WORDS[after(self.previous, rank)], probability }
    }

    /// What may come next.
    fn current(&self) -> Cow<'_, Likelihood> {
        self.plain.as_deref().map_or_else(|| self.likelihood(), Cow::Borrowed)
    }

    fn likelihood(&self) -> Cow<'static, Likelihood> {
        let cuts = self.sampling.top_p < 1.0;
        if self.sampling.is_default() && !cuts {
            return Cow::Borrowed(&USUAL);
        }
        let mut weights = if self.sampling.is_default() { USUAL.weights } else { self.heated() };
        if cuts {
            cut(&mut weights, self.sampling.top_p);
        }
        Cow::Owned(Likelihood { weights, total: weights.iter().sum() })
    }

    fn heated(&self) -> [f64; SIZE] {
        let logits: [f64; SIZE] = std::array::from_fn(|rank| {
            let word = after(self.previous, rank);
            let bias = self.sampling.bias.get(&IDS[word]).copied().unwrap_or(0.0);
            let said = self.said[word];
            bias - ((rank + 1) as f64).ln() - self.sampling.presence * said.min(1.0) - self.sampling.frequency * said
        });
        let highest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        logits.map(|logit| ((logit - highest) / self.sampling.temperature.max(0.01)).exp())
    }
}

/// The word of that rank after another one. The first rank runs through all words before it repeats one: the factor and
/// the increment meet the conditions of a linear congruential generator of full period.
fn after(previous: usize, rank: usize) -> usize {
    (previous * 21 + 7 + rank) % SIZE
}

/// Keeps the likeliest words that make up that share together (nucleus sampling).
fn cut(weights: &mut [f64; SIZE], share: f64) {
    let enough = weights.iter().sum::<f64>() * share.max(0.0);
    let mut order: [usize; SIZE] = std::array::from_fn(|rank| rank);
    order.sort_by(|a, b| weights[*b].total_cmp(&weights[*a]));
    let mut kept = 0.0;
    for (place, rank) in order.into_iter().enumerate() {
        if place > 0 && kept >= enough {
            weights[rank] = 0.0;
        }
        kept += weights[rank];
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    fn text(sampling: &Sampling, seed: u64, words: usize) -> Vec<&'static str> {
        let mut random = Pcg64::seed_from_u64(seed);
        let mut speaker = Speaker::new(sampling, 0);
        (0..words).map(|_| speaker.next(0, &mut random).0.token).collect()
    }

    fn distinct(words: &[&str]) -> usize {
        words.iter().collect::<std::collections::BTreeSet<_>>().len()
    }

    #[test]
    fn every_word_is_one_token() {
        assert!(WORDS.iter().all(|word| token::count(word) == 1));
        assert_eq!(distinct(&IDS.map(|id| id.to_string()).iter().map(String::as_str).collect::<Vec<_>>()), SIZE);
    }

    #[test]
    fn the_coldest_text_runs_through_all_words() {
        let cold = Sampling { temperature: 0.0, ..Sampling::default() };
        assert_eq!(distinct(&text(&cold, 1, SIZE)), SIZE);
        let narrow = Sampling { top_p: 0.01, ..Sampling::default() };
        assert_eq!(distinct(&text(&narrow, 1, SIZE)), SIZE);
    }

    #[test]
    fn a_bias_bans_and_forces() {
        let bias = |bias| Sampling { bias: [(token::id(" river"), bias)].into(), ..Sampling::default() };
        assert!(text(&Sampling::default(), 2, 400).contains(&" river"));
        assert!(!text(&bias(-100.0), 2, 400).contains(&" river"));
        assert_eq!(text(&bias(100.0), 2, 50), [" river"; 50]);
    }

    #[test]
    fn penalties_make_repetition_rarer() {
        let repeated = |presence, frequency| {
            let sampling = Sampling { presence, frequency, ..Sampling::default() };
            (0..20).map(|seed| 30 - distinct(&text(&sampling, seed, 30))).sum::<usize>()
        };
        assert!(repeated(2.0, 0.0) < repeated(0.0, 0.0));
        assert!(repeated(0.0, 2.0) < repeated(0.0, 0.0));
        assert!(repeated(0.0, -2.0) > repeated(0.0, 0.0));
    }

    #[test]
    fn log_probabilities_are_sorted_and_add_up() {
        let (sampling, mut random) = (Sampling::default(), Pcg64::seed_from_u64(3));
        let mut speaker = Speaker::new(&sampling, 0);
        let (word, best) = speaker.next(SIZE, &mut random);
        assert!(best.contains(&word) && best.windows(2).all(|pair| pair[0].probability >= pair[1].probability));
        let sum: f64 = best.iter().map(|word| logprob(word.probability).exp()).sum();
        assert!((sum - 1.0).abs() < 1e-9 && best.iter().all(|word| logprob(word.probability) <= 0.0));
    }
}
