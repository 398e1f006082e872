//! What a reply states of its tokens, and which of it can be believed.
//!
//! A stream states its usage once, at the end (OpenAI with `stream_options.include_usage`), or in every chunk: as the
//! count so far (vLLM's `continuous_usage_stats`), or as what each chunk adds. The last statement is right of the first
//! two kinds and far too small of the third. They are told apart by the text that came between statements: a count so far
//! grows with it and never falls, and what is added follows it.
//!
//! A count that is stated before any text came is a preview of the last one (vllm-project/semantic-router #2215): it is
//! believed only where no other follows.

use super::marks::{characters, weight};
use super::reading::{Payload, Stream};
use crate::wire::api::usage::Usage;

/// Every statement of a reply, summed up.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Stated {
    /// Statements of more than no tokens.
    times: u64,
    /// Whether a later of these counts is below an earlier one.
    falls: bool,
    /// Whether the counts follow the text as what each statement adds, rather than as the count so far.
    adds_up: bool,
    /// The last statement.
    last: Option<Usage>,
    /// The last that is of more than no tokens.
    last_counted: Option<Usage>,
    /// The last of those, that came before any text.
    preview: Option<Usage>,
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

/// What was counted in the text of a reply, to compare statements with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Counted {
    /// Tokens, by a tokenizer, which need not be the model's.
    Tokens(f64),
    /// Events with content, of at least a token each, and characters, of which a token has one or more.
    Pieces { events: f64, characters: f64 },
}

impl Counted {
    /// Whether a count of tokens is plausible.
    fn fits(self, tokens: f64) -> bool {
        let (least, most) = match self {
            Counted::Tokens(tokens) => (tokens / 2.0 - 8.0, tokens * 2.0 + 8.0),
            Counted::Pieces { events, characters } => (events * 0.9, characters.max(events) * 2.0 + 64.0),
        };
        (least..=most).contains(&tokens)
    }
}

/// A count of generated tokens, and how much text has come since the one before.
type Statement = (f64, f64);

impl Stated {
    /// Of a whole reply.
    pub(super) fn once(usage: Option<Usage>) -> Stated {
        let mut stated = Stated::default();
        if let Some(usage) = usage {
            stated.add(usage, true);
        }
        stated
    }

    /// Of the chunks of a stream; one that repeats the chunk before with another text states what that one does.
    pub(super) fn in_stream(stream: &Stream) -> Stated {
        let mut stated = Stated::default();
        let mut begun = false;
        each_chunk(stream, |weight, usage| {
            begun = begun || weight() > 0;
            if let Some(usage) = usage {
                stated.add(usage, begun);
            }
        });
        if stated.times > 1 {
            stated.adds_up = adds_up(&statements(stream));
        }
        stated
    }

    /// Adds a statement, and whether text had come by then.
    fn add(&mut self, usage: Usage, begun: bool) {
        let more = |sum: Option<f64>, more: Option<f64>| sum.map_or(more, |sum| Some(sum + more.unwrap_or(0.0)));
        let most =
            |most: Option<f64>, other: Option<f64>| most.map_or(other, |most| Some(most.max(other.unwrap_or(0.0))));
        self.last = Some(usage);
        if !begun {
            self.preview = Some(usage).filter(|usage| usage.completion > 0.0).or(self.preview);
            return;
        }
        let sum = &mut self.sum;
        sum.prompt = sum.prompt.max(usage.prompt);
        sum.completion += usage.completion;
        sum.cached = most(sum.cached, usage.cached);
        sum.reasoning = more(sum.reasoning, usage.reasoning);
        sum.rejected = more(sum.rejected, usage.rejected);
        sum.total = sum.prompt + sum.completion;
        // A statement of nothing, as in a chunk without content, says nothing.
        if usage.completion > 0.0 {
            self.times += 1;
            self.falls |= self.last_counted.is_some_and(|last| usage.completion < last.completion);
            self.last_counted = Some(usage);
        }
    }

    /// The last statement.
    pub(super) fn last(&self) -> Option<Usage> {
        self.last
    }

    /// Which counts to go on with.
    pub(super) fn claim(&self, counted: impl FnOnce() -> Counted) -> Claim {
        let Some(last) = self.last_counted.or(self.preview).or(self.last) else { return Claim::Nothing };
        if self.times < 2 {
            return Claim::Counts(last);
        }
        // Pieces with their total behind them.
        let is_total = self.times > 2 && (self.sum.completion - 2.0 * last.completion).abs() < 0.5;
        let counted = counted();
        let fits = |usage: Usage| counted.fits(usage.generated());
        match (self.falls || self.adds_up, fits(self.sum)) {
            _ if is_total && fits(last) => Claim::Counts(last),
            (true, true) => Claim::Counts(self.sum),
            (true, false) if self.falls || !fits(last) => Claim::Contradiction,
            (false, true) if !fits(last) => Claim::Counts(self.sum),
            _ => Claim::Counts(last),
        }
    }
}

/// Every chunk of a stream with the length of the text that it adds, worked out when it is asked for, and what it states.
fn each_chunk(stream: &Stream, mut see: impl FnMut(&dyn Fn() -> u32, Option<Usage>)) {
    let mut current = None;
    for event in &stream.events {
        match &event.payload {
            Payload::Chunk(document) => {
                current = Usage::of(&document.value);
                see(&|| weight(&document.value, characters), current);
            }
            Payload::Repeat(repeat) => see(&|| characters(repeat.text()), current),
            Payload::Done | Payload::Empty | Payload::Error(_) | Payload::ErrorText | Payload::Broken(_) => {}
        }
    }
}

fn statements(stream: &Stream) -> Vec<Statement> {
    let mut statements = Vec::new();
    let mut since = 0.0;
    let mut begun = false;
    each_chunk(stream, |weight, usage| {
        since += f64::from(weight());
        begun = begun || since > 0.0;
        if let Some(usage) = usage.filter(|usage| begun && usage.completion > 0.0) {
            statements.push((usage.completion, std::mem::take(&mut since)));
        }
    });
    statements
}

/// Whether counts follow the text between them more closely as what was added than as the count so far.
fn adds_up(statements: &[Statement]) -> bool {
    let text: f64 = statements.iter().map(|(_, text)| text).sum();
    let (sum, last) =
        (statements.iter().map(|(count, _)| count).sum::<f64>(), statements.last().map_or(0.0, |at| at.0));
    if text <= 0.0 || last <= 0.0 {
        return false;
    }
    let mut before = 0.0;
    let (mut as_added, mut as_so_far) = (0.0, 0.0);
    for (count, weight) in statements {
        as_added += (count / sum - weight / text).abs();
        as_so_far += ((count - std::mem::replace(&mut before, *count)) / last - weight / text).abs();
    }
    as_added < as_so_far
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Statements with the text that came before each.
    fn stated(statements: &[(f64, f64)]) -> Stated {
        let mut stated = Stated::default();
        let mut begun = false;
        for (completion, text) in statements {
            let total = 5.0 + completion;
            begun = begun || *text > 0.0;
            stated.add(Usage { prompt: 5.0, completion: *completion, total, ..Usage::default() }, begun);
        }
        let first = statements.iter().position(|(_, text)| *text > 0.0).unwrap_or(statements.len());
        let counted: Vec<Statement> = statements[first..].iter().copied().filter(|(count, _)| *count > 0.0).collect();
        Stated { adds_up: counted.len() > 1 && adds_up(&counted), ..stated }
    }

    #[test]
    fn what_each_chunk_adds_is_told_from_the_count_so_far() {
        let pieces = |events: f64| Counted::Pieces { events, characters: events * 20.0 };
        let claim = |statements: &[(f64, f64)], counted: Counted| match stated(statements).claim(|| counted) {
            Claim::Counts(usage) => Some((usage.prompt, usage.completion)),
            Claim::Nothing | Claim::Contradiction => None,
        };
        let even = |counts: &[f64]| counts.iter().map(|count| (*count, 4.0)).collect::<Vec<_>>();
        let so_far: Vec<f64> = (1..=20).map(f64::from).collect();
        assert_eq!(claim(&even(&so_far), pieces(20.0)), Some((5.0, 20.0)));
        assert_eq!(claim(&even(&[1.0; 20]), pieces(20.0)), Some((5.0, 20.0)), "a token in each chunk");
        assert_eq!(claim(&even(&[40.0; 10]), pieces(10.0)), Some((5.0, 400.0)), "forty tokens in each");
        assert_eq!(claim(&even(&[20.0, 20.0]), pieces(2.0)), Some((5.0, 40.0)), "twice twenty");
        assert_eq!(claim(&[(20.0, 4.0), (20.0, 0.0)], pieces(20.0)), Some((5.0, 20.0)), "said twice of one text");
        let rising: Vec<(f64, f64)> = (1..=10).map(|n| (f64::from(n), f64::from(n) * 4.0)).collect();
        assert_eq!(claim(&rising, pieces(10.0)), Some((5.0, 55.0)), "each chunk adds more than the one before");
        assert_eq!(claim(&even(&[3.0, 1.0, 4.0, 2.0]), pieces(4.0)), Some((5.0, 10.0)), "it falls");
        let total = [&even(&[3.0, 1.0, 4.0, 2.0])[..], &[(10.0, 0.0)]].concat();
        assert_eq!(claim(&total, pieces(4.0)), Some((5.0, 10.0)), "the total comes last");
        assert_eq!(claim(&even(&[0.0, 0.0, 20.0]), pieces(20.0)), Some((5.0, 20.0)));
        let mut zero = even(&[4.0, 8.0, 12.0, 16.0]);
        zero.push((0.0, 0.0));
        assert_eq!(claim(&zero, pieces(16.0)), Some((5.0, 16.0)), "a zero at the end says nothing");
        assert_eq!(claim(&even(&[9000.0, 5.0, 7000.0]), pieces(20.0)), None, "nothing fits");
        assert_eq!(claim(&even(&[9000.0]), pieces(20.0)), Some((5.0, 9000.0)), "another rule doubts that");
        assert_eq!(claim(&even(&[40.0; 10]), Counted::Tokens(398.0)), Some((5.0, 400.0)));
        assert_eq!(claim(&[(1.0, 0.0), (8.0, 32.0)], pieces(4.0)), Some((5.0, 8.0)), "a preview, and what it was of");
        assert_eq!(claim(&[(9.0, 0.0), (8.0, 32.0)], pieces(4.0)), Some((5.0, 8.0)), "a preview that was too much");
        let previewed = [&[(2.0, 0.0)][..], &even(&[3.0, 1.0, 4.0, 2.0])].concat();
        assert_eq!(claim(&previewed, pieces(4.0)), Some((5.0, 10.0)), "a preview of pieces");
        assert_eq!(claim(&[(1.0, 0.0)], pieces(4.0)), Some((5.0, 1.0)), "a preview and nothing else");
        assert_eq!(claim(&[(3.0, 0.0), (32.0, 0.0)], pieces(0.0)), Some((5.0, 32.0)), "all of it was kept back");
        assert_eq!(stated(&[]).claim(|| pieces(1.0)), Claim::Nothing);
    }
}
