//! One request that goes out alone before a load: by the builder and the client of the load, so that it is told what
//! every request of the load would be told.

use std::time::Duration;

use reqwest::Method;
use tokio::sync::watch;

use super::refusal::Kind;
use crate::exchange::{Asked, Cutoff, Exchange, Outcome, Reading, Ticket};
use crate::plan::Plan;
use crate::plan::target::Target;
use crate::run::client::{Client, ClientError, Job, Parting};
use crate::run::clock::Clock;
use crate::summary::evidence::Evidence;

/// What came of the request.
#[derive(Debug)]
pub enum Answer {
    /// It was let in: the time until its first content, or until its end where it was no stream.
    LetIn(Duration),
    /// It was refused for a reason for which every other would be.
    Refused(Kind),
    /// Something else went wrong, in words; that need not come again.
    Failed(String),
}

/// Sends the first request of the plan's first case, and leaves a stream behind its first content.
///
/// # Errors
/// If the target's certificates or headers are not usable.
pub async fn ask_alone(plan: &Plan) -> Result<(Answer, Exchange), ClientError> {
    let exchange = send(plan, |client, ticket, asked| {
        let mut job = client.prepare(ticket, asked);
        job.parting = Parting::WithContent;
        job
    });
    let exchange = exchange.await?;
    Ok((Answer::of(&exchange, &plan.target), exchange))
}

/// Asks for the list of models in the place of a completion, where the user wants it so.
///
/// # Errors
/// As [`ask_alone`].
pub async fn ask_for_models(plan: &Plan) -> Result<(Answer, Exchange), ClientError> {
    let ask = |client: &Client, ticket, asked| client.prepare_beside(ticket, asked, Method::GET, plan.target.models());
    let exchange = send(plan, ask).await?;
    let listed = exchange.status() == Some(200) && Kind::of(&exchange, &plan.target).is_none();
    let answer = if listed { Answer::LetIn(took(&exchange)) } else { Answer::of(&exchange, &plan.target) };
    Ok((answer, exchange))
}

/// Sends one request, made from the first of the plan's first case, on a clock and with a client of its own.
async fn send(plan: &Plan, prepare: impl FnOnce(&Client, Ticket, Asked) -> Box<Job>) -> Result<Exchange, ClientError> {
    let client = Client::new(&plan.target)?;
    let clock = Clock::start_in(Duration::ZERO);
    let ticket = Ticket::alone(0, 0, clock.now());
    let asked = plan.cases[ticket.case].render(&ticket, plan.seed);
    let job = prepare(&client, ticket, asked);
    let (_keep, mut never) = watch::channel(None);
    let mut exchange = client.send(job, ticket.due, clock, &mut never).await;
    exchange.decode(plan.target.max_reply);
    Ok(exchange)
}

impl Answer {
    fn of(exchange: &Exchange, target: &Target) -> Answer {
        if let Some(kind) = Kind::of(exchange, target) {
            return Answer::Refused(kind);
        }
        let reading = Reading::of(exchange);
        let outcome = reading.outcome;
        if outcome == Outcome::Ok || outcome == Outcome::Unfinished(Cutoff::Stopped) {
            return Answer::LetIn(took(exchange));
        }
        let what = exchange.status().map_or_else(|| outcome.to_string(), |status| format!("status {status}"));
        let why = reading.cause().map(|why| format!(": {why}")).unwrap_or_default();
        Answer::Failed(Evidence::of(target).clean(&format!("{what}{why}")))
    }
}

fn took(exchange: &Exchange) -> Duration {
    exchange.service_time().unwrap_or_default()
}
