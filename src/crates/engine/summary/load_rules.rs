//! Rules of the catalogue on the run as a whole, worked out from what the summary keeps anyway.

use std::collections::BTreeMap;

use super::Summary;
use super::trust::{Belief, Trust};
use crate::check::{self, Level};

/// What a rule on the run comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// How often it held: requests, or the run as one.
    pub pass: u64,
    /// How often it was broken.
    pub fail: u64,
    /// What was counted, in words.
    pub words: String,
    /// How often it was broken because another rule was, by that rule.
    pub follows: BTreeMap<String, u64>,
}

/// How a rule is worked out; none where it does not apply.
type Rule = fn(&Summary) -> Option<Figure>;

/// The rules by id.
const RULES: [(&str, Rule); 6] = [
    ("load-all-schema-valid", all_schema_valid),
    ("load-no-5xx", no_5xx),
    ("load-overload-is-429-503", overload_is_429_503),
    ("load-tokens-from-usage", tokens_from_usage),
    ("load-client-not-bottleneck", client_not_bottleneck),
    ("load-conn-reuse", conn_reuse),
];

/// What the rule of that id comes to; none where there is no such rule, or where it does not apply.
pub fn figure(summary: &Summary, id: &str) -> Option<Figure> {
    let (_, rule) = RULES.iter().find(|(known, _)| *known == id)?;
    rule(summary)
}

/// What the dialect only advises of chunks is no more binding here. A reply that does not validate has been told by
/// one of the rules on schemas, or by the one that this follows from.
fn all_schema_valid(summary: &Summary) -> Option<Figure> {
    let rules = || ["resp-schema", "stream-chunk-schema"].iter().filter_map(|id| Some((*id, summary.checks.get(*id)?)));
    let valid: u64 = rules().map(|(_, tally)| tally.pass + tally.should).sum();
    let mut follows: BTreeMap<String, u64> = BTreeMap::new();
    let binds = |id: &str| check::find(id).and_then(|check| summary.meta.level(check)) == Some(Level::Must);
    for (id, tally) in rules().filter(|(id, _)| binds(id)) {
        let own = (tally.must > 0).then(|| (id.to_owned(), tally.must));
        for (root, count) in own.into_iter().chain(tally.follows.clone()) {
            *follows.entry(root).or_default() += count;
        }
    }
    let invalid: u64 = follows.values().sum();
    let words = format!("{invalid} of {} replies do not validate", valid + invalid);
    (valid + invalid > 0).then_some(Figure { pass: valid, fail: 0, words, follows })
}

fn no_5xx(summary: &Summary) -> Option<Figure> {
    let replies: u64 = summary.statuses.values().sum();
    let of_server = |status: &str| status.starts_with('5');
    let errors: u64 = summary.statuses.iter().filter(|(status, _)| of_server(status)).map(|(_, count)| count).sum();
    let words = format!("{errors} of {replies} replies are server errors");
    (replies > 0).then_some(Figure { pass: replies - errors, fail: errors, words, follows: BTreeMap::new() })
}

/// Only an endpoint that refused something shows how it refuses.
fn overload_is_429_503(summary: &Summary) -> Option<Figure> {
    let told: u64 = ["429", "503"].iter().filter_map(|status| summary.statuses.get(*status)).sum();
    let untold = summary.count(&["reset", "connect", "timeout"]);
    let words = format!("{told} refusals with 429 or 503, {untold} by resets, lost connections and timeouts");
    (told > 0).then_some(Figure { pass: told, fail: untold, words, follows: BTreeMap::new() })
}

fn tokens_from_usage(summary: &Summary) -> Option<Figure> {
    let (usage, events) = (summary.counts.tokens_from_usage, summary.counts.tokens_from_events);
    let words = format!("tokens from usage in {usage} replies, counted by chunks in {events}");
    (usage > 0).then_some(Figure { pass: usage, fail: events, words, follows: BTreeMap::new() })
}

/// A closed loop waits for the endpoint by design, so that its client cannot fall behind a plan.
fn client_not_bottleneck(summary: &Summary) -> Option<Figure> {
    summary.meta.rate_per_s?;
    let trust = Trust::of(summary);
    let invalid = trust.verdict == Belief::Invalid;
    let words =
        if trust.reasons.is_empty() { "nothing speaks against it".to_owned() } else { trust.reasons.join("; ") };
    Some(Figure { pass: u64::from(!invalid), fail: u64::from(invalid), words, follows: BTreeMap::new() })
}

fn conn_reuse(summary: &Summary) -> Option<Figure> {
    let sent = summary.planned() - summary.count(&["missed", "unsent"]);
    let dials = summary.health.dials;
    (sent > 0).then(|| Figure {
        pass: sent,
        fail: 0,
        words: format!("{dials} connections for {sent} requests"),
        follows: BTreeMap::new(),
    })
}
