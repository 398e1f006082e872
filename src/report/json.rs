//! The digest as JSON.

use crate::summary::Summary;
use crate::summary::digest::Digest;

pub(super) fn write(summary: &Summary) -> String {
    let mut text = serde_json::to_string_pretty(&Digest::of(summary)).expect("a digest has string keys only");
    text.push('\n');
    text
}
