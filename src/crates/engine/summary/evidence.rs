//! What may be kept and shown of an exchange: short, without secrets, without control characters. What shows a finding
//! is made in `excerpt.rs`.
//!
//! Of a stream that holds a secret in pieces, texts are taken from a copy in which these are masked. Every text is cleaned
//! before it is cut, and again where it was cut before, as findings are.

use std::borrow::Cow;

use crate::exchange::{Body, Exchange, Reading};
use crate::plan::secret::Redactor;
use crate::plan::target::Target;
use crate::wire::plain;

/// Makes evidence fit to be kept.
#[derive(Debug)]
pub struct Evidence<'p> {
    target: &'p Target,
    redactor: Redactor,
}

const FIRST_BYTES: usize = 200;
/// How much is read for them: a secret may straddle the cut, so it is taken out before the text is cut.
const READ_BYTES: usize = 16 * FIRST_BYTES;

impl<'p> Evidence<'p> {
    /// Evidence about exchanges with this target.
    pub fn of(target: &'p Target) -> Evidence<'p> {
        Evidence { target, redactor: target.redactor() }
    }

    /// A text from the endpoint without our secrets and without control characters, which could drive a terminal.
    pub fn clean(&self, text: &str) -> String {
        let text = self.redactor.clean(text);
        if plain::is_plain(&text) { text } else { plain::line(&text) }
    }

    /// The same of the start of a text, which may end within a secret.
    fn clean_start(&self, text: &str) -> String {
        plain::line(&self.redactor.clean_start(text))
    }

    /// A name that the endpoint gives something, cut short.
    pub fn name(&self, name: &str) -> String {
        self.clean(name).chars().take(FIRST_BYTES).collect()
    }

    /// A text without secrets and control characters, cut to so many characters, with `...` for what is left out.
    pub(super) fn shortened(&self, text: &str, most: usize) -> String {
        let read = text.char_indices().nth(16 * most).map_or(text, |(end, _)| &text[..end]);
        let clean = self.clean_start(read);
        match clean.char_indices().nth(most) {
            Some((end, _)) => format!("{}...", &clean[..end]),
            None if read.len() < text.len() => format!("{clean}..."),
            None => clean,
        }
    }

    /// What `take` takes from a reply, with the secrets masked that a stream holds in pieces.
    pub(super) fn of_masked<T>(&self, reading: &Reading<'_>, take: impl Fn(&Reading<'_>) -> T) -> T {
        match self.redactor.mask_pieces(&reading.exchange.body.bytes) {
            Cow::Borrowed(_) => take(reading),
            Cow::Owned(bytes) => {
                let arrivals = reading.exchange.body.arrivals.clone();
                take(&Reading::of(&Exchange { body: Body { bytes, arrivals }, ..reading.exchange.clone() }))
            }
        }
    }

    /// The first bytes of the body, or of the data of one event.
    pub fn first_bytes(&self, reading: &Reading<'_>, event: Option<usize>) -> String {
        self.of_masked(reading, |reading| self.first_bytes_of(reading, event))
    }

    pub(super) fn first_bytes_of(&self, reading: &Reading<'_>, event: Option<usize>) -> String {
        let data = event.and_then(|event| reading.stream()?.events.get(event)).map(|event| event.data.as_bytes());
        let bytes = data.unwrap_or(&reading.exchange.body.bytes);
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(READ_BYTES)]);
        // Here or where the reply broke off.
        self.clean_start(&text).chars().take(FIRST_BYTES).collect()
    }

    /// A command line that sends the same request.
    pub fn curl(&self, exchange: &Exchange) -> String {
        self.redactor.clean(&self.target.curl(&exchange.asked.body, exchange.asked.wanted.stream))
    }
}
