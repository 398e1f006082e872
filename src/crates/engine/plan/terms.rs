//! What a user declares about an endpoint before it is judged by the catalogue.

use std::collections::{BTreeMap, BTreeSet};

use crate::check::Level;

/// The terms of a conformance run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Terms {
    /// Levels other than the catalogue's, by rule; none where a rule is not judged at all.
    pub levels: BTreeMap<&'static str, Own>,
    /// Capabilities that the endpoint is declared to lack.
    pub without: BTreeSet<String>,
    /// Capabilities whose clean refusal is a failure.
    pub require: BTreeSet<String>,
    /// Tokens that prompt and answer may have together.
    pub context_window: Option<u64>,
    /// Share of the schemas of a slice that answers have to satisfy, where it is not the usual one.
    pub schema_rate: Option<f64>,
    /// Whether the model reasons before it answers, so that answers need more tokens.
    pub reasoning: bool,
}

/// A level of the user's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Own {
    /// The level; none turns the rule off.
    pub level: Option<Level>,
    /// Why it is not the catalogue's.
    pub reason: String,
}
