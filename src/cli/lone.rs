//! The first request of a load, alone: whether the load would be let in.

use std::time::Duration;

use anyhow::Context as _;
use tokio::runtime::Builder;

use super::exit::Exit;
use super::run_handle::RunHandle;
use super::say;
use crate::exchange::{Exchange, Outcome};
use crate::plan::target::Preflight;
use crate::profile::Draft;
use crate::run::RunError;
use crate::run::preflight::{Answer, Refusal, ask_alone, ask_for_models, look_around};
use crate::wire::plain;

/// Sends it, as the profile says, and tells what came of it. Some exit where the load would be refused as a whole.
pub(super) fn send(
    handle: &RunHandle,
    draft: &mut Draft,
    seed: u64,
    tell: &impl Fn(&str),
) -> anyhow::Result<Option<Exit>> {
    if draft.target.preflight == Preflight::Off {
        return Ok(None);
    }
    let runtime = Builder::new_current_thread().enable_all().build().context("starting the runtime")?;
    let plan = draft.plan_apart(seed);
    let asked = if draft.target.preflight == Preflight::Models {
        handle.wait_for(&runtime, ask_for_models(&plan))?
    } else {
        draft.preflight += 1;
        handle.wait_for(&runtime, ask_alone(&plan))?
    };
    let (answer, exchange) = asked.map_err(RunError::from)?;
    let refused = match answer {
        Answer::LetIn(took) => {
            tell(&let_in(&exchange, took, draft.target.preflight));
            return Ok(None);
        }
        Answer::Failed(why) => {
            let took = time(exchange.service_time().unwrap_or_default());
            let why = plain::line(&why);
            tell(&format!("warning: first request alone: {why}, after {took}; the load goes on"));
            return Ok(None);
        }
        Answer::Refused(kind) => kind,
    };
    let around = handle.wait_for(&runtime, look_around(&draft.target, refused))?.map_err(RunError::from)?;
    let [came, means, cure] = Refusal::new(refused, &exchange, &draft.target, &around).lines();
    say(&format!("error: {came}\n  {means}\n  {cure}\n"));
    Ok(Some(Exit::Invalid))
}

fn let_in(exchange: &Exchange, took: Duration, preflight: Preflight) -> String {
    let took = time(took);
    if preflight == Preflight::Models {
        return format!("list of models: {took}");
    }
    // Else it was left at its first content.
    let whole = exchange.outcome == Outcome::Ok;
    format!("first request alone: {took}{}", if whole { "" } else { " to the first token" })
}

/// A time in seconds, or in milliseconds where it is short.
fn time(took: Duration) -> String {
    let s = took.as_secs_f64();
    if s < 1.0 { format!("{:.0} ms", s * 1e3) } else { format!("{s:.1} s") }
}
