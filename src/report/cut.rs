//! Texts that a page shows in part: what a reply says can be of any length, and a page cannot.

/// A text beside others.
const BRIEF: usize = 240;
/// A text by itself.
const LONG: usize = 600;

/// A text at most so long that hundreds of them fit a page.
pub(super) fn brief(text: &str) -> String {
    cut(text, BRIEF)
}

/// A text at most so long that some dozens of them fit a page.
pub(super) fn long(text: &str) -> String {
    cut(text, LONG)
}

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{} ...", &text[..end]),
        None => text.to_owned(),
    }
}
