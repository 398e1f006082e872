//! Deltas that repeat what came before: clients join them, so that the text comes out twice, or many times.

use std::collections::BTreeMap;

use super::super::{Check, Finding, Judge, NO_STREAM, Verdict, levels, tier};
use crate::exchange::{Piece, Reading};
use crate::source::Source;

pub(crate) static CHECKS: &[Check] = &[Check {
    id: "stream-delta-not-cumulative",
    rule: "a delta is what is new: neither each nor a late one repeats the text so far",
    levels: levels("S/M"),
    tier: tier("C"),
    sources: &[
        Source::OPENAI.note("delta, which clients join"),
        Source::pull("QwenLM/qwen-code", 3896).note("DashScope"),
        Source::pull("openclaw/openclaw", 142_888),
    ],
    judge: Judge::Reply(not_cumulative),
    across: None,
}];

/// How often each delta has to be all before it and more, so that it is no chance: that takes three deltas.
const GROWTHS: usize = 2;
/// Bytes that a repeated text has at least: "ha", "haha", "hahaha" may be what the model says.
const LONG: usize = 16;
/// The same of a text that a single delta repeats.
const VERY_LONG: usize = 32;

fn not_cumulative(reading: &Reading<'_>) -> Verdict {
    let Some(stream) = reading.stream() else { return Verdict::Skip(NO_STREAM) };
    let mut texts: BTreeMap<(u64, bool), Text<'_>> = BTreeMap::new();
    for piece in stream.texts() {
        let text = texts.entry((piece.choice, piece.reasoning)).or_insert_with(|| Text::of(reading, &piece));
        if text.add(&piece) {
            return Verdict::of(vec![finding(&piece, "the delta is all the text so far once more")]);
        }
    }
    let grown = texts.values().find(|text| text.is_cumulative()).and_then(|text| text.last.as_ref());
    match grown {
        Some(last) => Verdict::of(vec![finding(last, "each delta begins with all the text before it")]),
        None if texts.is_empty() => Verdict::Skip("the stream has no text"),
        None => Verdict::Pass,
    }
}

fn finding(piece: &Piece<'_>, detail: &str) -> Finding {
    let member = if piece.reasoning { "reasoning_content" } else { "content" };
    Finding::in_event(piece.event, &format!("/choices/{}/delta/{member}", piece.position), detail)
}

/// A text that grows by deltas.
struct Text<'r> {
    /// All of it, as a client joins it.
    joined: &'r str,
    /// How much of that has come.
    length: usize,
    deltas: usize,
    /// How many deltas were the one before and more, while none was anything else.
    growths: usize,
    fails: bool,
    last: Option<Piece<'r>>,
}

impl<'r> Text<'r> {
    /// The text that a piece begins.
    fn of(reading: &'r Reading<'_>, piece: &Piece<'_>) -> Text<'r> {
        let at = reading.choices.binary_search_by_key(&piece.choice, |choice| choice.index).ok();
        let choice = at.map(|at| &reading.choices[at]);
        let joined = choice.map_or("", |choice| if piece.reasoning { &choice.reasoning } else { &choice.content });
        Text { joined, length: 0, deltas: 0, growths: 0, fails: false, last: None }
    }

    /// Adds a delta; returns whether it is all that came before, of two deltas or more, once more.
    fn add(&mut self, piece: &Piece<'r>) -> bool {
        let text = piece.text;
        let before = self.last.as_ref().map_or("", |last| last.text);
        self.fails = self.fails || !text.starts_with(before);
        self.growths += usize::from(self.deltas > 0 && text.len() > before.len());
        let as_long = text.len() == self.length && self.deltas > 1 && text.trim().len() >= VERY_LONG;
        let again = self.fails && as_long && self.joined.get(..self.length) == Some(text);
        self.length += text.len();
        self.deltas += 1;
        self.last = Some(piece.clone());
        again
    }

    fn is_cumulative(&self) -> bool {
        let long = self.last.as_ref().is_some_and(|last| last.text.trim().len() >= LONG);
        !self.fails && self.growths >= GROWTHS && long
    }
}
