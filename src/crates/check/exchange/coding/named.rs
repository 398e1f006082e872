//! The codings that a head names.

use super::brotli::Brotli;
use super::inflate::{Deflate, Gzip};
use super::room::Stage;
use super::zstd::Zstd;
use crate::exchange::Head;

/// So many codings on one another are decoded, at most.
const MOST: usize = 4;

/// The codings of a body in the order in which they were put on it, without those that change nothing.
pub(super) fn codings(head: &Head) -> Vec<&str> {
    let values = head.headers.iter().filter(|(name, _)| *name == "content-encoding").map(|(_, value)| value);
    let codings = values.flat_map(|value| value.split(',')).map(str::trim);
    codings.filter(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case("identity")).collect()
}

/// What takes the codings off, the last one first; none where one of them is unknown, or they are too many.
pub(super) fn stages(codings: &[&str]) -> Option<Vec<Box<dyn Stage>>> {
    if codings.len() > MOST {
        return None;
    }
    codings.iter().rev().map(|coding| stage(coding)).collect()
}

fn stage(coding: &str) -> Option<Box<dyn Stage>> {
    Some(match coding.to_ascii_lowercase().as_str() {
        "gzip" | "x-gzip" => Box::new(Gzip::new()),
        "deflate" => Box::new(Deflate::new()),
        "br" => Box::new(Brotli::new()),
        "zstd" => Box::new(Zstd::new().ok()?),
        _ => return None,
    })
}
