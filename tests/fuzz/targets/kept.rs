//! Files that we keep, read as the program reads them.

use serde::de::DeserializeOwned;

#[path = "../../../src/cli/cleaned.rs"]
mod cleaned;
#[path = "../../../src/cli/outline.rs"]
mod outline;

/// What a file of ours holds, whose format is under `key`; none where it is refused.
pub(super) fn understood<T: DeserializeOwned>(input: &[u8], key: &str, known: u32) -> Option<T> {
    let text = std::str::from_utf8(input).ok()?;
    let format = outline::about(text, key).ok()?.format?;
    (format == u64::from(known)).then(|| cleaned::from_str(text).ok())?
}

/// No text for people or for the log of a CI job may hold what drives it.
pub(super) fn assert_plain(what: &str, text: &str) {
    let odd = |c: char| !matches!(c, '\n' | '\t') && proofload::wire::plain::is_control(c);
    let text = text.replace("\r\n", "\n");
    assert!(!text.contains(odd), "{what}: {text:?}");
    assert_eq!(proofload::wire::plain::lines(&text), text, "{what}");
}

/// Which of several things are done with an input: all is too slow for each.
pub(super) fn turn(input: &[u8], of: usize) -> usize {
    input.iter().fold(input.len(), |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(*byte))) % of
}
