//! Places of secrets in a text.

use std::ops::Range;

/// Spans in order; those that overlap are one.
pub fn merged(mut spans: Vec<Range<usize>>) -> Vec<Range<usize>> {
    spans.retain(|span| !span.is_empty());
    spans.sort_unstable_by_key(|span| span.start);
    let mut merged: Vec<Range<usize>> = Vec::new();
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.start < last.end => last.end = last.end.max(span.end),
            Some(_) | None => merged.push(span),
        }
    }
    merged
}

/// The text with as many `*` as its secrets have bytes.
pub fn masked_by_spans(text: &str, spans: &[Range<usize>]) -> String {
    let mut masked = text.to_owned();
    for span in spans {
        masked.replace_range(span.clone(), &"*".repeat(span.len()));
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_that_overlap_are_one_and_those_that_touch_are_two() {
        assert_eq!(merged(vec![5..7, 0..2, 1..3, 3..4, 4..4, 0..1]), [0..3, 3..4, 5..7]);
    }
}
