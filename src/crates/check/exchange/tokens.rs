//! The tokens of an exchange: how many it cost, how many were delivered, and when they came.

use std::time::Duration;

use super::marks::marks;
use super::reading::{Reading, Reply};
use super::stated::{Claim, Counted};

/// Where a count of tokens comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TokenSource {
    /// The reply's own `usage`.
    Usage,
    /// A tokenizer of ours, where the reply states no usage that can be believed.
    Tokenizer,
    /// One token for each event with content, where a stream states no usage.
    Events,
}

impl TokenSource {
    /// Name in files and reports.
    pub fn name(self) -> &'static str {
        match self {
            TokenSource::Usage => "usage",
            TokenSource::Tokenizer => "tokenizer",
            TokenSource::Events => "events",
        }
    }
}

/// Tokens that an exchange cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tokens {
    /// Tokens of the prompt; 0 where usage does not state them.
    pub prompt: f64,
    /// Tokens generated, as they are billed, reasoning that is billed beside the completion included.
    pub completion: f64,
    /// Prompt tokens that came from a cache, where stated.
    pub cached: f64,
    /// Tokens generated that the reply holds: no reasoning that was kept back, no rejected prediction.
    pub delivered: f64,
    /// Where the counts come from.
    pub source: TokenSource,
}

/// What a tokenizer of ours counts in a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recount {
    /// In everything that it delivered.
    whole: u64,
    /// In each piece of content of a stream, by its place among the marks; empty where it can say nothing of them.
    pieces: Vec<u32>,
}

impl Reading<'_> {
    /// Counts what was delivered with a tokenizer; a text of which it can say nothing leaves the reading as it is.
    pub fn count_with(&mut self, count: impl Fn(&str) -> Option<u64>) {
        if self.stream().is_none() && self.completion().is_none() {
            return;
        }
        let Some(whole) = self.delivered_texts().map(&count).sum() else { return };
        let weigh = |text: &str| count(text).and_then(|tokens| u32::try_from(tokens).ok()).unwrap_or(0);
        let pieces = self.stream().map_or_else(Vec::new, |stream| marks(stream, weigh));
        let pieces: Vec<u32> = pieces.into_iter().map(|mark| mark.weight).collect();
        let is_known = pieces.iter().any(|tokens| *tokens > 0);
        self.recount = Some(Recount { whole, pieces: if is_known { pieces } else { Vec::new() } });
    }

    /// Tokens that the tokenizer counted in everything that was delivered.
    pub fn counted(&self) -> Option<u64> {
        self.recount.as_ref().map(|recount| recount.whole)
    }

    /// Tokens that the exchange cost: by its usage, else by a tokenizer, else a stream's events with content. None
    /// where nothing is known, or where what is stated contradicts itself.
    pub fn tokens(&self) -> Option<Tokens> {
        let counted = |tokens: f64, source| {
            Some(Tokens { prompt: 0.0, completion: tokens, cached: 0.0, delivered: tokens, source })
        };
        match (self.claim(), self.counted()) {
            (Claim::Counts(usage), _) => Some(Tokens {
                prompt: usage.prompt,
                completion: usage.generated(),
                cached: usage.cached.unwrap_or(0.0),
                delivered: (usage.generated() - self.hidden_reasoning() - usage.rejected.unwrap_or(0.0)).max(0.0),
                source: TokenSource::Usage,
            }),
            (_, Some(tokens)) => counted(tokens as f64, TokenSource::Tokenizer),
            (Claim::Nothing, None) => {
                self.stream()?;
                counted(self.marks.len() as f64, TokenSource::Events)
            }
            (Claim::Contradiction, None) => None,
        }
    }

    /// Whether usage is stated that contradicts itself and the text.
    pub fn is_contradictory(&self) -> bool {
        self.claim() == Claim::Contradiction
    }

    /// Reasoning tokens that usage states, whether they were delivered or kept back.
    pub fn stated_reasoning(&self) -> f64 {
        match self.claim() {
            Claim::Counts(usage) => usage.reasoning.unwrap_or(0.0),
            Claim::Nothing | Claim::Contradiction => 0.0,
        }
    }

    /// Of these, what the reply keeps back.
    pub fn hidden_reasoning(&self) -> f64 {
        let shown = self.choices.iter().any(|choice| !choice.reasoning.is_empty());
        if shown { 0.0 } else { self.stated_reasoning() }
    }

    fn claim(&self) -> Claim {
        self.stated.claim(|| match self.counted() {
            Some(tokens) => Counted::Tokens(tokens as f64 + self.last_reasoning()),
            None => Counted::Pieces {
                events: self.marks.len() as f64,
                characters: self.marks.iter().map(|mark| f64::from(mark.weight)).sum::<f64>() + self.last_reasoning(),
            },
        })
    }

    /// Reasoning that may have been kept back, so that no text can show it.
    fn last_reasoning(&self) -> f64 {
        self.stated.last().and_then(|usage| usage.reasoning).unwrap_or(0.0)
    }

    /// Tokens of the reply, in thousandths, by the instants at which they came: a stream's are spread over its arrivals
    /// with content, by what a tokenizer counts in each, else in proportion to its text; a whole reply's came at its
    /// end. Their sum is what was delivered. Where no count can be believed, content came with 0 of them.
    pub fn deliveries(&self) -> Vec<(Duration, u64)> {
        let millitokens = self.tokens().map_or(0.0, |tokens| tokens.delivered.clamp(0.0, 1e12) * 1000.0);
        match &self.reply {
            Reply::Stream(_) => self.spread(millitokens),
            Reply::Whole(_) => vec![(self.exchange.ended, rounded(millitokens))],
            Reply::Nothing => Vec::new(),
        }
    }

    fn spread(&self, millitokens: f64) -> Vec<(Duration, u64)> {
        let whole: f64 = (0..self.marks.len()).map(|place| self.weight(place)).sum();
        let (mut seen, mut given) = (0.0, 0);
        let mut deliveries: Vec<(Duration, u64)> = Vec::new();
        for (place, mark) in self.marks.iter().enumerate() {
            seen += self.weight(place);
            // Rounded as a sum, so that no token is lost on the way.
            let until = rounded(millitokens * seen / whole);
            let at = self.arrived(mark.arrival);
            match deliveries.last_mut() {
                Some((last, sum)) if *last == at => *sum += until - given,
                _ => deliveries.push((at, until - given)),
            }
            given = until;
        }
        deliveries
    }

    /// How much of the reply a piece of content is. Without any text all pieces are equal.
    fn weight(&self, place: usize) -> f64 {
        let recounted = self.recount.as_ref().and_then(|recount| recount.pieces.get(place));
        match recounted {
            Some(tokens) => f64::from(*tokens),
            None if self.is_textless => 1.0,
            None => f64::from(self.marks[place].weight),
        }
    }

    /// (last content arrival - first content arrival) / tokens that came after the first arrival; none where all
    /// content came in one. Defined for a stream of one choice.
    ///
    /// The tokens of the first arrival are not in it: by a tokenizer, else its share of the text; where events are
    /// counted, its events. At least one token came after it.
    pub fn time_per_output_token(&self) -> Option<Duration> {
        let marks = &self.marks;
        let (first, last) = (marks.first()?, marks.last()?);
        if self.choices.len() != 1 || first.arrival == last.arrival {
            return None;
        }
        let tokens = self.tokens()?;
        let in_first = marks.iter().take_while(|mark| mark.arrival == first.arrival).count();
        let after = match tokens.source {
            TokenSource::Events => (marks.len() - in_first) as f64,
            TokenSource::Usage | TokenSource::Tokenizer => {
                let [before, whole] =
                    [in_first, marks.len()].map(|end| (0..end).map(|at| self.weight(at)).sum::<f64>());
                tokens.delivered * (1.0 - before / whole)
            }
        };
        let span = self.arrived(last.arrival).saturating_sub(self.arrived(first.arrival));
        Some(span.div_f64(after.max(1.0)))
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to a range that fits")]
fn rounded(millitokens: f64) -> u64 {
    millitokens.round() as u64
}
