//! The sources of a rule as files hold them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::check::{Check, Source};

/// One source of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cited {
    /// `seed`, `pulze` and `openai` for what these publish; `rfc`, `html` and `page` for other documents; `issue`, `pull`
    /// and `project` of a public repository; `client` for one that breaks; `ours` for a reason of our own.
    pub kind: String,
    /// The source in words.
    pub text: String,
    /// Its address, where it has one.
    pub url: Option<String>,
}

impl Cited {
    /// The sources of a rule, in its order.
    pub fn all(check: &Check) -> Vec<Cited> {
        check.sources.iter().map(Cited::of).collect()
    }

    fn of(source: &Source) -> Cited {
        Cited { kind: source.kind().to_owned(), text: source.to_string(), url: source.url() }
    }
}
