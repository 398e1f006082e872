//! Whether runs belong together: their plans differ in nothing but what is under test.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use super::side::Side;
use crate::plan::renamed;
use crate::summary::{LoadKind, Meta, Summary};

/// Something in which two sides differ although it is not under test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Difference {
    /// What: a key of the profile, or `dialect`, `load`, `caches`.
    pub key: String,
    /// What it is in the base; null where it is not set.
    pub base: Option<String>,
    /// What it is in the other.
    pub new: Option<String>,
}

/// Caches whose shares of the prompt tokens differ by more than this are warm on one side and cold on the other.
const CACHED: f64 = 0.05;
/// Stands for everything that may be under test.
const ALL: &str = "all";

/// What differs between two sides apart from their target, model, labels, goals, seed and salt, and is not under test.
pub fn differences(base: &Side, new: &Side, under_test: &[String]) -> Vec<Difference> {
    let mut found = Vec::new();
    // The first run of the base is the plan that all others must have.
    for run in &new.runs {
        for difference in of_plans(base.first(), run) {
            if !found.contains(&difference) {
                found.push(difference);
            }
        }
    }
    found.extend(of_caches(base, new));
    found.retain(|difference| !under_test.iter().any(|key| covers(&renamed::key(key), &difference.key)));
    found
}

/// Whether what the user says is under test covers a key: the key itself, a table that it is in, or everything.
fn covers(said: &str, key: &str) -> bool {
    said == ALL || key.strip_prefix(said).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn of_plans(base: &Summary, new: &Summary) -> Vec<Difference> {
    let (was, is) = (&base.meta, &new.meta);
    let differ = |key: &str, base: &str, new: &str| {
        (base != new).then(|| Difference {
            key: key.to_owned(),
            base: Some(base.to_owned()),
            new: Some(new.to_owned()),
        })
    };
    let mut found: Vec<Difference> = differ("dialect", &was.dialect, &is.dialect).into_iter().collect();
    found.extend((was.loads != is.loads).then(|| Difference {
        key: "load".to_owned(),
        base: Some(kinds(was)),
        new: Some(kinds(is)),
    }));
    let keys: BTreeSet<&String> = was.plan.keys().chain(is.plan.keys()).collect();
    for key in keys {
        let (base, new) = (was.plan.get(key).cloned(), is.plan.get(key).cloned());
        if base != new {
            found.push(Difference { key: key.clone(), base, new });
        }
    }
    found
}

/// The kinds of a run's loads.
fn kinds(meta: &Meta) -> String {
    meta.loads.iter().map(LoadKind::to_string).collect::<Vec<_>>().join("; ")
}

fn of_caches(base: &Side, new: &Side) -> Option<Difference> {
    let (was, is) = (base.cached_share()?, new.cached_share()?);
    let shown = |share: f64| Some(format!("{:.1} % of the prompt tokens cached", share * 100.0));
    ((was - is).abs() > CACHED).then(|| Difference { key: "caches".to_owned(), base: shown(was), new: shown(is) })
}
