//! What an endpoint makes of the parameters of a request: honoured, ignored or refused.

use std::collections::BTreeMap;

use super::Row;
use super::status::Status;

/// Parameters with the rules that see whether they have the effect they are for. A rule that only sees that a parameter
/// is let in does not stand here.
const EFFECTS: &[(&str, &[&str])] = &[
    ("stream", &["req-stream-flag-honoured"]),
    ("stream_options.include_usage", &["stream-usage-chunk"]),
    ("max_tokens", &["req-max-tokens-honoured", "req-max-tokens-length-reason"]),
    ("max_completion_tokens", &["req-max-completion-tokens"]),
    ("n", &["req-n-count"]),
    ("stop", &["req-stop-excluded", "req-stop-reason"]),
    ("seed", &["sampling-seed-repeatable"]),
    ("logit_bias", &["sampling-logit-bias-effect"]),
    ("logprobs", &["logprobs-present"]),
    ("top_logprobs", &["logprobs-top-count"]),
    ("response_format json_object", &["fmt-json-object-parses"]),
    ("response_format json_schema", &["fmt-json-schema-validates"]),
    ("tools", &["tool-auto-calls"]),
    ("tool_choice none", &["tool-none-no-calls"]),
    ("tool_choice required", &["tool-required-calls"]),
    ("tool_choice function", &["tool-named-calls-that"]),
    ("parallel_tool_calls", &["tool-parallel-off"]),
];

/// Parameters by name, each with what became of it; where no rule told, it is not there.
pub fn matrix(rows: &[Row]) -> BTreeMap<String, String> {
    let by_id: BTreeMap<&str, &Row> = rows.iter().map(|row| (row.check.id, row)).collect();
    let mut matrix = BTreeMap::new();
    for (parameter, ids) in EFFECTS {
        let effects: Vec<&str> = ids.iter().filter_map(|id| effect(by_id.get(id)?)).collect();
        let worst = ["refused", "ignored", "honoured"].into_iter().find(|effect| effects.contains(effect));
        if let Some(worst) = worst {
            matrix.insert((*parameter).to_owned(), worst.to_owned());
        }
    }
    matrix
}

/// What one rule says of its parameter.
fn effect(row: &Row) -> Option<&'static str> {
    // An error of the server's own in the place of an answer keeps the parameter from its effect, too.
    let refused = row.reason.ours.contains(" is refused") || row.reason.ours.starts_with("expected 2xx, got status ");
    match row.status {
        Status::Pass | Status::Stale => Some("honoured"),
        Status::Fail | Status::Follows(_) | Status::Skip | Status::Lost if refused => Some("refused"),
        Status::Fail | Status::Follows(_) | Status::Warn | Status::Flaky | Status::Known => Some("ignored"),
        Status::Info | Status::Skip | Status::Blocked(_) | Status::Lost | Status::Error => None,
    }
}
