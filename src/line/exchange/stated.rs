//! What a reply states of its tokens, and which of it can be believed.
//!
//! A stream states its usage once, at the end (OpenAI with `stream_options.include_usage`), or in every chunk: as the
//! count so far (vLLM's `continuous_usage_stats`), or as what each chunk adds. The last statement is right of the first
//! two kinds and far too small of the third, so the kinds are told apart: a count so far never falls, and what is right
//! fits what was counted in the text.

use super::reading::{Payload, Stream};
use crate::wire::reply::Usage;

/// Every statement of a reply, summed up.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Stated {
    times: u64,
    /// Whether a later count of generated tokens is below an earlier one.
    falls: bool,
    last: Option<Usage>,
    /// Completion, reasoning and rejected tokens added up; of the prompt, the most.
    sum: Usage,
}

/// What the statements come to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Claim {
    /// The reply states nothing.
    Nothing,
    /// These counts.
    Counts(Usage),
    /// Statements that contradict one another and the text: no figure can be made of them.
    Contradiction,
}

/// What was counted in the text of a reply, to hold statements against.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Counted {
    /// Tokens, by a tokenizer, which need not be the model's.
    Tokens(f64),
    /// Events with content, of at least a token each, and characters, of which a token has one or more.
    Pieces { events: f64, characters: f64 },
}

impl Counted {
    /// Whether so many tokens are plausible.
    fn fits(self, tokens: f64) -> bool {
        let (least, most) = match self {
            Counted::Tokens(tokens) => (tokens / 2.0 - 8.0, tokens * 2.0 + 8.0),
            Counted::Pieces { events, characters } => (events * 0.9, characters.max(events) * 2.0 + 64.0),
        };
        (least..=most).contains(&tokens)
    }
}

impl Stated {
    /// Of a whole reply.
    pub(super) fn once(usage: Option<Usage>) -> Stated {
        let mut stated = Stated::default();
        if let Some(usage) = usage {
            stated.add(usage);
        }
        stated
    }

    /// Of the chunks of a stream; one that repeats the chunk before with another text states what that one does.
    pub(super) fn in_stream(stream: &Stream) -> Stated {
        let mut stated = Stated::default();
        let mut current = None;
        for event in &stream.events {
            match &event.payload {
                Payload::Chunk(document) => current = Usage::of(&document.value),
                Payload::Repeat(_) => {}
                Payload::Done | Payload::Empty | Payload::Error(_) | Payload::Broken(_) => continue,
            }
            if let Some(usage) = current {
                stated.add(usage);
            }
        }
        stated
    }

    fn add(&mut self, usage: Usage) {
        let more = |sum: Option<f64>, more: Option<f64>| sum.map_or(more, |sum| Some(sum + more.unwrap_or(0.0)));
        let most =
            |most: Option<f64>, other: Option<f64>| most.map_or(other, |most| Some(most.max(other.unwrap_or(0.0))));
        self.times += 1;
        self.falls |= self.last.is_some_and(|last| usage.completion < last.completion);
        self.last = Some(usage);
        let sum = &mut self.sum;
        sum.prompt = sum.prompt.max(usage.prompt);
        sum.completion += usage.completion;
        sum.cached = most(sum.cached, usage.cached);
        sum.reasoning = more(sum.reasoning, usage.reasoning);
        sum.rejected = more(sum.rejected, usage.rejected);
        sum.total = sum.prompt + sum.completion;
    }

    /// The last statement.
    pub(super) fn last(&self) -> Option<Usage> {
        self.last
    }

    /// Which counts to go on with.
    pub(super) fn claim(&self, counted: impl FnOnce() -> Counted) -> Claim {
        let Some(last) = self.last else { return Claim::Nothing };
        if self.times < 2 {
            return Claim::Counts(last);
        }
        // Pieces with their total behind them.
        let is_total = self.times > 2 && (self.sum.completion - 2.0 * last.completion).abs() < 0.5;
        let counted = counted();
        let fits = |usage: Usage| counted.fits(usage.generated());
        match (self.falls, fits(self.sum)) {
            _ if is_total && fits(last) => Claim::Counts(last),
            (true, true) => Claim::Counts(self.sum),
            (true, false) => Claim::Contradiction,
            (false, true) if !fits(last) => Claim::Counts(self.sum),
            (false, _) => Claim::Counts(last),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stated(completions: &[f64]) -> Stated {
        let mut stated = Stated::default();
        for completion in completions {
            let total = 5.0 + completion;
            stated.add(Usage { prompt: 5.0, completion: *completion, total, ..Usage::default() });
        }
        stated
    }

    #[test]
    fn what_each_chunk_adds_is_told_from_the_count_so_far() {
        let pieces = |events: f64| Counted::Pieces { events, characters: events * 4.0 };
        let claim = |completions: &[f64], counted: Counted| match stated(completions).claim(|| counted) {
            Claim::Counts(usage) => Some((usage.prompt, usage.completion)),
            Claim::Nothing | Claim::Contradiction => None,
        };
        let so_far: Vec<f64> = (1..=20).map(f64::from).collect();
        assert_eq!(claim(&so_far, pieces(20.0)), Some((5.0, 20.0)));
        assert_eq!(claim(&[1.0; 20], pieces(20.0)), Some((5.0, 20.0)), "a token in each chunk");
        assert_eq!(claim(&[3.0, 1.0, 4.0, 2.0], pieces(4.0)), Some((5.0, 10.0)), "it falls");
        assert_eq!(claim(&[3.0, 1.0, 4.0, 2.0, 10.0], pieces(4.0)), Some((5.0, 10.0)), "the total comes last");
        assert_eq!(claim(&[0.0, 0.0, 20.0], pieces(20.0)), Some((5.0, 20.0)));
        assert_eq!(claim(&[20.0, 20.0], pieces(20.0)), Some((5.0, 20.0)), "said twice");
        assert_eq!(claim(&[900.0, 5.0, 700.0], pieces(20.0)), None, "nothing fits");
        assert_eq!(claim(&[900.0], pieces(20.0)), Some((5.0, 900.0)), "another rule doubts that");
        assert_eq!(claim(&[40.0; 10], Counted::Tokens(398.0)), Some((5.0, 400.0)));
        assert_eq!(stated(&[]).claim(|| pieces(1.0)), Claim::Nothing);
    }
}
