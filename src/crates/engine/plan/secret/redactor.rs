//! Takes secrets out of what is about to be kept or shown.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind, MatchKind};

use super::fold::foldings;
use super::forms::{Form, forms};
use super::pieces::{Joined, pieces};
use super::spans::merged;
use super::vocabulary::is_word_of_protocol;
use super::{STARS, Secret};
use crate::wire::Contract;

/// Shorter secrets are masked at the places where we write them, and not looked for anywhere else: too much of a text
/// would look like one.
const SHORTEST: usize = 8;
/// Characters of a secret that give it away where a text is cut off within it.
const BEGINNING: usize = 4;
/// Parts in which long texts are gone through, and what of the next is looked at with each.
const PART: usize = 1 << 20;
const OVERLAP: usize = 1 << 16;
/// Longest escape, within which a text may be cut off, and how much is looked at before that.
const ESCAPE: usize = 12;
const LOOKED_AT: usize = 4096;
/// What is written where a text is cut off.
const CUT: &[u8] = b"...";

/// Finds secrets in texts.
#[derive(Debug, Clone, Default)]
pub struct Redactor {
    /// All of them, the longest first, as one may contain another.
    secrets: Vec<Secret>,
    /// Whose words are no secrets.
    contracts: Vec<Arc<Contract>>,
    finder: Option<Finder>,
}

#[derive(Debug, Clone)]
struct Finder {
    forms: Vec<Form>,
    any: AhoCorasick,
}

/// Bytes of a text that secrets take.
type Spans = Vec<Range<usize>>;

impl PartialEq for Redactor {
    fn eq(&self, other: &Redactor) -> bool {
        self.secrets == other.secrets
    }
}

impl Redactor {
    /// A redactor of these values, but not of those that are words of these contracts.
    pub fn new(secrets: impl IntoIterator<Item = Secret>, contracts: &[Arc<Contract>]) -> Redactor {
        let mut secrets: Vec<Secret> = secrets.into_iter().filter(|secret| !secret.expose().is_empty()).collect();
        secrets.sort_by(|a, b| b.expose().len().cmp(&a.expose().len()).then_with(|| a.cmp(b)));
        secrets.dedup();
        let finder = Finder::of(&secrets, contracts);
        Redactor { secrets, contracts: contracts.to_vec(), finder }
    }

    /// The same with the secrets of another.
    #[must_use]
    pub fn and(&self, other: &Redactor) -> Redactor {
        let mut contracts = self.contracts.clone();
        contracts.extend(other.contracts.iter().filter(|contract| !self.contracts.contains(contract)).cloned());
        Redactor::new(self.secrets.iter().chain(&other.secrets).cloned(), &contracts)
    }

    /// The text with `***` for every secret, in whatever form.
    pub fn clean(&self, text: &str) -> String {
        self.cleaned(text, false)
    }

    /// The same of a text that was cut off at its end, where the beginning of a secret is taken out too.
    pub fn clean_start(&self, text: &str) -> String {
        self.cleaned(text, true)
    }

    /// The text with as many `*` as a secret has bytes, so that places in the text stay.
    pub fn mask(&self, text: &str) -> String {
        // Whole characters are replaced by ASCII.
        String::from_utf8_lossy(&self.mask_bytes(text.as_bytes())).into_owned()
    }

    /// The same for bytes that need not be text. In a stream, secrets in pieces over several events are found too.
    pub fn mask_bytes<'t>(&self, bytes: &'t [u8]) -> Cow<'t, [u8]> {
        let Some(finder) = &self.finder else { return Cow::Borrowed(bytes) };
        // A reply may break off within a secret.
        let torn = finder.beginning_before(bytes).map(|start| start..bytes.len());
        let spans = finder.spans(bytes).into_iter().chain(finder.spans_in_pieces(bytes)).chain(torn);
        masked(bytes, &merged(spans.collect()))
    }

    /// A stream in which only the secrets that lie over several events are masked.
    pub fn mask_pieces<'t>(&self, bytes: &'t [u8]) -> Cow<'t, [u8]> {
        let Some(finder) = &self.finder else { return Cow::Borrowed(bytes) };
        masked(bytes, &merged(finder.spans_in_pieces(bytes)))
    }

    /// A text that we have put a secret into, without it, however short it is.
    pub fn clean_ours(&self, text: &str) -> String {
        let replaced = |text: String, secret: &Secret| text.replace(secret.expose(), STARS);
        self.secrets.iter().fold(text.to_owned(), replaced)
    }

    fn cleaned(&self, text: &str, is_cut: bool) -> String {
        let Some(finder) = &self.finder else { return text.to_owned() };
        let mut spans = finder.spans(text.as_bytes());
        spans.extend(finder.beginnings(text.as_bytes(), is_cut));
        let mut clean = String::new();
        let mut from = 0;
        for Range { start, end } in merged(spans) {
            let start = (0..=start).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0).max(from);
            clean.push_str(&text[from..start]);
            clean.push_str(STARS);
            from = (end..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
        }
        clean.push_str(&text[from..]);
        clean
    }
}

impl Finder {
    /// None where there is nothing to find.
    fn of(secrets: &[Secret], contracts: &[Arc<Contract>]) -> Option<Finder> {
        let is_findable = |secret: &&Secret| {
            let value = secret.expose();
            value.chars().count() >= SHORTEST && !is_word_of_protocol(value, contracts)
        };
        let forms: Vec<Form> =
            secrets.iter().filter(is_findable).flat_map(|secret| forms(secret.expose().as_bytes())).collect();
        if forms.is_empty() {
            return None;
        }
        let mut builder = AhoCorasickBuilder::new();
        builder.ascii_case_insensitive(true).match_kind(MatchKind::Standard);
        // An automaton is built more often than long texts are searched, and this kind is built soonest.
        builder.kind(Some(AhoCorasickKind::ContiguousNFA));
        // Building fails only beyond two billion states, which no command line holds.
        let any = builder.build(forms.iter().map(|form| &form.text)).ok()?;
        Some(Finder { forms, any })
    }

    /// Every place of a secret. Long texts are gone through in parts, so that no more memory is taken than one needs.
    fn spans(&self, text: &[u8]) -> Spans {
        let parts = (0..text.len().max(1)).step_by(PART);
        let found = parts.flat_map(|from| {
            let part = &text[from..text.len().min(from + PART + OVERLAP)];
            self.spans_in_part(part).into_iter().map(move |span| from + span.start..from + span.end)
        });
        found.collect()
    }

    fn spans_in_part(&self, text: &[u8]) -> Spans {
        let mut spans: Spans = self.matches(text);
        for folded in foldings(text) {
            let found = self.matches(&folded.bytes).into_iter();
            spans.extend(found.map(|span| folded.spans[span.start].0..folded.spans[span.end - 1].1));
        }
        spans
    }

    /// Places of secrets whose pieces are in several events of a stream.
    fn spans_in_pieces(&self, text: &[u8]) -> Spans {
        let found = |joined: Joined| {
            let places = self.spans(&joined.bytes).into_iter().flat_map(|span| &joined.places[span]);
            places.map(|place| *place as usize..*place as usize + 1).collect::<Spans>()
        };
        pieces(text).into_iter().flat_map(found).collect()
    }

    fn matches(&self, text: &[u8]) -> Spans {
        let found = self.any.find_overlapping_iter(text);
        found
            .map(|found| {
                let span = found.start()..found.end();
                if self.forms[found.pattern().as_usize()].spills { with_neighbours(text, span) } else { span }
            })
            .collect()
    }

    /// The beginning of a secret where the text is cut off.
    fn beginnings(&self, text: &[u8], is_cut: bool) -> Spans {
        let ends = memchr::memmem::find_iter(text, CUT).chain(is_cut.then_some(text.len()));
        ends.filter_map(|end| Some(self.beginning_before(&text[..end])?..end)).collect()
    }

    /// Where the beginning of a secret begins that ends with the text, or within an escape that does.
    fn beginning_before(&self, text: &[u8]) -> Option<usize> {
        let from = text.len().saturating_sub(LOOKED_AT);
        let tails = (0..=ESCAPE.min(text.len() - from)).map(|tail| &text[from..text.len() - tail]);
        let begins = tails
            .filter(|start| text[from + start.len()..].iter().all(|byte| is_of_escape(*byte)))
            .filter_map(|start| {
                let plain = self.longest_at_end(start).map(|length| start.len() - length);
                let folded = foldings(start).into_iter().filter_map(|folded| {
                    let length = self.longest_at_end(&folded.bytes)?;
                    Some(folded.spans[folded.bytes.len() - length].0)
                });
                folded.chain(plain).min()
            });
        begins.min().map(|start| from + start)
    }

    /// How much of the beginning of a secret a text ends with.
    fn longest_at_end(&self, text: &[u8]) -> Option<usize> {
        let of_form = |form: &Form| {
            let most = form.text.len().min(text.len());
            (BEGINNING..=most)
                .rev()
                .find(|length| text[text.len() - length..].eq_ignore_ascii_case(&form.text[..*length]))
        };
        self.forms.iter().filter_map(of_form).max()
    }
}

fn masked<'t>(bytes: &'t [u8], spans: &[Range<usize>]) -> Cow<'t, [u8]> {
    if spans.is_empty() {
        return Cow::Borrowed(bytes);
    }
    let mut masked = bytes.to_vec();
    for span in spans {
        masked[span.clone()].fill(b'*');
    }
    Cow::Owned(masked)
}

/// Whether a byte can be within an escape.
fn is_of_escape(byte: u8) -> bool {
    byte.is_ascii_hexdigit() || b"\\%&#xuU;~".contains(&byte)
}

/// A place with the digits of base64 before and after it, which hold some of its bits.
fn with_neighbours(text: &[u8], Range { start, end }: Range<usize>) -> Range<usize> {
    let is_digit =
        |at: &usize| text.get(*at).is_some_and(|byte| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte));
    let before = start.checked_sub(1).filter(is_digit).unwrap_or(start);
    let after = Some(end).filter(is_digit).map_or(end, |end| end + 1);
    before..after
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "sk/live-0123456789+abcdef";

    fn redactor(secrets: &[&str]) -> Redactor {
        Redactor::new(secrets.iter().map(|secret| Secret::new(*secret)), &[crate::samples::openai()])
    }

    #[test]
    fn secrets_are_replaced_longest_first() {
        let redactor = redactor(&["sk-12345", "sk-1234567", "hunter22"]);
        assert_eq!(redactor.clean("key sk-1234567, sk-12345 and hunter22"), "key ***, *** and ***");
        assert_eq!(*redactor.mask_bytes(b"\xff sk-1234567, sk-12345"), *b"\xff **********, ********");
        assert_eq!(redactor.mask("é sk-1234567 and hunter22"), "é ********** and ********");
    }

    #[test]
    fn a_secret_is_found_in_every_form() {
        use base64::Engine as _;
        use base64::engine::general_purpose::{STANDARD, URL_SAFE};
        let json = KEY.replace('/', r"\/");
        let units = KEY.chars().map(|c| format!(r"\u{:04X}", u32::from(c))).collect::<Vec<_>>().concat();
        let percent = KEY.bytes().map(|byte| format!("%{byte:02x}")).collect::<Vec<_>>().concat();
        let twice = percent.replace('%', "%25");
        let html = KEY.replace('/', "&#x2f;").replace('+', "&#43;");
        let nested = serde_json::to_string(&units).expect("JSON");
        let mut forms = vec![KEY.to_owned(), KEY.to_uppercase(), json, units, percent, twice, html, nested];
        for before in ["", "a", "ab", "me:"] {
            forms.push(STANDARD.encode(format!("{before}{KEY}&more")));
            forms.push(URL_SAFE.encode(format!("{before}{KEY}")));
        }
        let redactor = redactor(&[KEY]);
        for form in forms {
            let text = format!("it says {form} here");
            let clean = redactor.clean(&text);
            assert!(clean.contains("***"), "{text}");
            assert!(clean.len() < 32, "{clean}");
            let masked = redactor.mask(&text);
            assert!(
                masked.len() == text.len() && masked.starts_with("it says ") && masked.ends_with(" here"),
                "{masked}"
            );
        }
    }

    #[test]
    fn the_beginning_of_a_secret_before_a_cut_is_taken_out() {
        let redactor = redactor(&[KEY]);
        assert_eq!(redactor.clean("\"it is sk/live-01...\" came"), "\"it is ***...\" came");
        assert_eq!(redactor.clean("it is sk/live-01"), "it is sk/live-01");
        assert_eq!(redactor.clean_start("it is sk/live-01"), "it is ***");
        assert_eq!(redactor.mask("it is sk/live-01"), "it is **********");
        assert_eq!(redactor.clean_start("ask/"), "ask/", "three characters give nothing away");
        assert_eq!(redactor.clean(r"it is sk\/live-01..."), "it is ***...");
        assert_eq!(redactor.clean("it is %2573%256B%252F%256C%2569%257..."), "it is ***...");
        assert_eq!(redactor.clean("it is c2svbGl2..."), "it is ***...");
    }

    #[test]
    fn pieces_in_the_events_of_a_stream_are_masked_where_they_are() {
        let redactor = redactor(&[KEY]);
        let event =
            |text: &str| format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n");
        let (first, second) = KEY.split_at(7);
        let stream = [event("is "), event(first), event(second), event(" it")].concat();
        let masked = redactor.mask(&stream);
        let stars = [event("is "), event("*******"), event(&"*".repeat(second.len())), event(" it")].concat();
        assert_eq!(masked, stars);
    }

    #[test]
    fn short_secrets_and_words_of_the_protocol_are_masked_at_their_place_only() {
        let redactor = redactor(&["function", "hunter2"]);
        let text = r#"{"function":"hunter2"}"#;
        assert_eq!(redactor.clean(text), text);
        assert_eq!(redactor.clean_ours("Bearer function"), "Bearer ***");
        assert!(matches!(redactor.mask_bytes(text.as_bytes()), Cow::Borrowed(_)));
    }
}
