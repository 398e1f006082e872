//! Since which version of this program a rule is judged: a rule that is newer than a baseline is no regression.

use super::Check;

/// The version that judged first.
const FIRST: &str = "0.1.0";

/// Rules that came later, by the version they came with.
const LATER: &[(&str, &[&str])] = &[];

impl Check {
    /// The version of this program that judged the rule first.
    pub fn since(&self) -> &'static str {
        LATER.iter().find(|(_, ids)| ids.contains(&self.id)).map_or(FIRST, |(version, _)| *version)
    }
}
