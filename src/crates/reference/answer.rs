//! The answer to a valid request: who answers, what is said, when, and what is kept of it.

use std::time::Duration;

use bytes::Bytes;
use hyper::HeaderMap;
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::ask::Ask;
use super::capacity::Job;
use super::completion::{About, Frame, Member, write_choice};
use super::headers::Wishes;
use super::json::Json;
use super::metadata::{Metadata, Subject};
use super::refuse::Refusal;
use super::reply::Reply;
use super::route::route;
use super::say::{Said, Topic, opening};
use super::stream::{Streamed, steps_of};
use super::transcript::{Header, Kind, Write};
use super::usage::{Prompt, Usage};
use super::{State, id, pace};
use crate::wire::Contract;
use crate::wire::api::request::member;

/// The answer to a body that satisfies the request schema, which came as these bytes.
pub(super) fn answer(
    body: &Value,
    bytes: &Bytes,
    headers: &HeaderMap,
    state: &State,
    number: u64,
) -> Result<Reply, Refusal> {
    let settings = &state.settings;
    let contract = &*settings.contract;
    let facts = &contract.facts;
    let mut random = Pcg64::seed_from_u64(settings.seed ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let wishes = if facts.pulze_headers { Wishes::of(headers)? } else { Wishes::default() };
    let ask = Ask::of(body, contract)?;
    let routed = route(ask.request.model, &wishes, state, &mut random)?;
    let prompt = Prompt::of(&ask);
    let tokens = settings.tokens.draw(&mut random);
    let mut choices = choices(&ask, bytes, tokens, &mut random)?;
    let job = Job { prompt: prompt.tokens, outputs: steps(&ask, &choices) };
    for call in choices.iter_mut().flat_map(|said| &mut said.calls) {
        call.id = id::call(&call.id, settings.salt);
    }
    choices.truncate(usize::try_from(ask.request.n).unwrap_or(usize::MAX));
    let usage = Usage::of(&ask, &prompt, &choices, state);
    state.metrics.tokens(prompt.tokens, usage.completion_tokens);
    let pace = pace::draw(settings, number, job, &mut random);
    let took = pace.ready.last().copied().unwrap_or_default();
    let id = wishes.stored.then(|| id::completion(contract, number, settings.salt));
    let name = if facts.router { &routed.model.namespace } else { &routed.model.name };
    let frame = Frame { contract, id: id.as_deref(), created: id::created(contract), model: name };
    let subject = Subject { ask: &ask, wishes: &wishes, routed: &routed, usage: &usage, took, app_id: &state.app_id };
    let metadata = facts.metadata_block.then(|| Metadata::of(&subject));
    let about = match &metadata {
        Some(metadata) => Some(About::Pulze(metadata)),
        None => member(body, "metadata").filter(|metadata| metadata.is_object()).map(About::OpenAi),
    };
    let made = Made { ask: &ask, frame, choices: &choices, usage: &usage, about };
    let stream = ask.request.stream;
    let headers = timing(contract, if stream { pace.ready.first().copied().unwrap_or_default() } else { took });
    let bodies = if stream { made.chunks(&pace.ready) } else { vec![Write { at: took, bytes: made.whole() }] };
    // Only Pulze's id is that of a log (schemas/README.md#difference-20).
    if let (true, Some(id)) = (facts.stored_logs, &id) {
        let response =
            if stream { made.whole() } else { bodies.first().map(|body| body.bytes.clone()).unwrap_or_default() };
        state.log.store(id, bytes, response);
    }
    let kind = if stream { Kind::Stream } else { Kind::Whole };
    let openings = if settings.quirks.is_empty() { Default::default() } else { openings(&ask, state) };
    Ok(Reply { kind, status: 200, headers, bodies, pace: Some(pace), number, openings })
}

/// A completion that is to be written.
struct Made<'a> {
    ask: &'a Ask<'a>,
    frame: Frame<'a>,
    choices: &'a [Said<'a>],
    usage: &'a Usage,
    about: Option<About<'a>>,
}

impl Made<'_> {
    /// In one body.
    fn whole(&self) -> Vec<u8> {
        let Made { ask, frame, choices, usage, about } = *self;
        let logprobs = ask.logprobs.is_some();
        let written = |json: &mut Json| {
            json.list(choices.iter().enumerate(), |json, (index, said)| {
                write_choice(json, index, said, ask.contract, logprobs);
            });
        };
        // So that writing seldom has to move what is written.
        let bytes = 640 + 6 * usize::try_from(usage.completion_tokens).unwrap_or(0);
        frame.around("chat.completion", written, Member::There(usage), about, bytes)
    }

    /// As chunks with their instants.
    fn chunks(&self, due: &[Duration]) -> Vec<Write> {
        let Made { ask, frame, choices, usage, about } = *self;
        let (include_usage, logprobs) = (ask.request.include_usage, ask.logprobs.is_some());
        let streamed = Streamed { frame, choices, usage, include_usage, metadata: about, logprobs };
        streamed.chunks(due)
    }
}

/// All choices that are made, as many as `best_of` says; of those the first `n` are returned, which are the likeliest.
fn choices<'r>(ask: &Ask<'r>, bytes: &Bytes, tokens: u64, random: &mut Pcg64) -> Result<Vec<Said<'r>>, Refusal> {
    // Same seed and same body, same text (OpenAI's `seed`).
    let seeded = ask.seed.map(|seed| Pcg64::seed_from_u64(xxh3_64_with_seed(bytes, seed.cast_unsigned())));
    let mut random = seeded.unwrap_or_else(|| Pcg64::seed_from_u64(random.random()));
    let topic = Topic::of(ask, tokens)?;
    let mut choices = (0..ask.best_of).map(|_| topic.say(&mut random)).collect::<Result<Vec<_>, _>>()?;
    if ask.best_of > ask.request.n {
        choices.sort_by(|a, b| b.score().total_cmp(&a.score()));
    }
    Ok(choices)
}

/// What each choice takes: as long as its pieces in a stream, as its tokens in a whole answer. Those that `best_of`
/// discards take as much as the others, since which are the best is known when all are made.
fn steps(ask: &Ask<'_>, choices: &[Said<'_>]) -> Vec<u64> {
    let of = |said| if ask.request.stream { steps_of(said) } else { said.tokens() };
    choices.iter().map(|said| of(said).max(1) as u64).collect()
}

/// The opening words of this prompt and of the one before.
fn openings(ask: &Ask<'_>, state: &State) -> [String; 2] {
    let own = opening(ask.request.texts.last().copied().unwrap_or_default()).to_owned();
    let mut previous = state.previous.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    [own.clone(), std::mem::replace(&mut *previous, own)]
}

/// OpenAI says how long the head took.
fn timing(contract: &Contract, head: Duration) -> Vec<Header> {
    let mut headers = Vec::with_capacity(8);
    if contract.facts.service_headers {
        headers.push(("openai-processing-ms", head.as_millis().to_string().into()));
    }
    headers
}
