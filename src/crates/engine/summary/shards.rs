//! A run that several machines shared, put together from its parts.

use std::collections::BTreeMap;

use super::{Mismatch, Summary};
use crate::plan::schedule::Shard;

/// Why runs cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum NoWhole {
    /// A run that is no part of one.
    #[error("{0} is a whole run, and no part of one (run --shard)")]
    Whole(String),
    /// The same part twice, or parts of another number of them.
    #[error("{0} is part {1}, and {2} is part {3}: they are not parts of one run")]
    Clash(String, Shard, String, Shard),
    /// Parts are missing.
    #[error("of {1} parts, {0} is missing")]
    Missing(String, u64),
    /// A part whose process was killed.
    #[error("{0} is incomplete: {1}; run it again")]
    CutOff(String, String),
    /// Two parts are of different runs.
    #[error("{0}: {1}")]
    Different(String, Mismatch),
}

/// The whole run, from all of its parts with the names that the user gave them, in any order.
///
/// # Errors
/// If they are not the parts of one run, or not all of them.
pub fn join(parts: Vec<(String, Summary)>) -> Result<Summary, NoWhole> {
    let mut known: BTreeMap<u64, (String, Shard)> = BTreeMap::new();
    let mut whole: Option<Summary> = None;
    for (name, summary) in parts {
        if let Some(why) = summary.ending.cut_off() {
            return Err(NoWhole::CutOff(name, why));
        }
        let shard = summary.meta.shard.as_deref().and_then(|shard| shard.parse::<Shard>().ok());
        let Some(shard) = shard else { return Err(NoWhole::Whole(name)) };
        let other = known.get(&shard.index).or_else(|| known.values().find(|(_, other)| other.of != shard.of));
        if let Some((other, its)) = other {
            return Err(NoWhole::Clash(other.clone(), *its, name, shard));
        }
        known.insert(shard.index, (name.clone(), shard));
        match &mut whole {
            None => whole = Some(summary),
            Some(whole) => {
                whole
                    .meta
                    .same_plan(&summary.meta)
                    .and_then(|()| whole.merge(summary))
                    .map_err(|m| NoWhole::Different(name, m))?;
            }
        }
    }
    let of = known.values().next().map_or(0, |(_, shard)| shard.of);
    let missing: Vec<String> =
        (0..of).filter(|index| !known.contains_key(index)).map(|index| format!("{}/{of}", index + 1)).collect();
    let mut whole = whole.filter(|_| missing.is_empty()).ok_or_else(|| NoWhole::Missing(missing.join(", "), of))?;
    whole.meta.shard = None;
    Ok(whole)
}
