//! What a search will take, before it begins: the search itself, played against endpoints that are made up.

use super::search::{Search, Spent, Step, Terms};
use super::stage::{Quantiles, Stage, Verdict};

/// What a search takes if the answer is this.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The answer, in requests per second or as a concurrency.
    pub answer: f64,
    /// Stages.
    pub stages: usize,
    /// Time, requests and tokens.
    pub spent: Spent,
}

/// What one request is, as far as the profile tells.
#[derive(Debug, Clone, Copy)]
pub struct Request {
    /// Prompt tokens.
    pub input: f64,
    /// Completion tokens.
    pub output: f64,
    /// How long it takes, in seconds.
    pub takes_s: f64,
}

/// What the search takes if the highest load that holds is `answer`. Bounds are not looked at.
pub fn estimate(terms: &Terms, answer: f64, request: Request) -> Estimate {
    let unbounded = Terms { limits: crate::plan::Limits::default(), cost: None, ..terms.clone() };
    let mut search = Search::new(unbounded);
    while let Step::Stage(ask) = search.next() {
        let rate = if terms.slots { ask.load / request.takes_s } else { ask.load };
        let requests = rate * ask.length().as_secs_f64();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of requests")]
        search.record(Stage {
            load: ask.load,
            confirms: ask.confirms,
            verdict: if ask.load <= answer { Verdict::Held } else { Verdict::Broke },
            trust: "trusted".to_owned(),
            achieved_per_s: rate,
            requests: requests as u64,
            input_tokens: requests * request.input,
            output_tokens: requests * request.output,
            took_s: (ask.length() + terms.cooldown).as_secs_f64() + request.takes_s,
            response_time_ok_us: Quantiles { p95: Some(request.takes_s * 1e6), ..Quantiles::default() },
            ..Stage::default()
        });
    }
    Estimate { answer, stages: search.stages().len(), spent: search.spent() }
}
