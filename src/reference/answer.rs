//! What a correct endpoint says: the text, its tokens, and the completion or the chunks around it.

use std::time::{Duration, SystemTime};

use hyper::HeaderMap;
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;
use serde_json::{Map, Value, json};

use super::tool;
use super::wire::{Draft, Kind};
use super::{State, pace};
use crate::wire::Dialect;
use crate::wire::request::{ChatRequest, PULZE_HEADERS};

const WORDS: [&str; 40] = [
    "the", "river", "runs", "slowly", "past", "old", "stones", "and", "under", "a", "narrow", "bridge", "where",
    "light", "falls", "on", "green", "water", "while", "wind", "moves", "through", "tall", "grass", "near", "quiet",
    "fields", "that", "turn", "to", "gold", "each", "autumn", "before", "first", "snow", "covers", "every", "winding",
    "path",
];

/// How many opening words of the prompt an answer repeats.
const ECHOED: usize = 6;

/// Dollars per token, for the prompt and for the completion; and what the benchmark model would have cost more.
const PRICES: [f64; 2] = [2.5e-6, 1e-5];
const SAVED: [f64; 2] = [5e-7, 2e-6];

/// Everything one answer is made of.
struct Answer<'r> {
    request: ChatRequest<'r>,
    dialect: Dialect,
    id: String,
    created: u64,
    /// Name of the model that answers, fully qualified in the pulze dialect.
    model: String,
    choices: Vec<Said>,
    usage: Value,
    metadata: Option<Value>,
    /// When the n-th token is ready.
    due: Vec<Duration>,
}

/// What one choice says.
struct Said {
    words: Vec<String>,
    calls: Vec<Value>,
    finish: &'static str,
}

/// The answer to a valid request.
pub(super) fn draft(body: &Value, headers: &HeaderMap, state: &State, number: u64) -> Draft {
    let settings = &state.settings;
    let request = ChatRequest::of(body);
    let mut random = Pcg64::seed_from_u64(settings.seed ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let opening = opening(&request);
    let previous = std::mem::replace(
        &mut *state.previous.lock().unwrap_or_else(std::sync::PoisonError::into_inner),
        opening.clone(),
    );
    let choices: Vec<Said> =
        (0..request.n).map(|_| say(&request, body, &opening, settings.tokens.draw(&mut random), &mut random)).collect();
    // A stream takes as long as its pieces, a whole answer as long as its tokens.
    let steps = |said: &Said| if request.stream { said.deltas().len() } else { said.tokens() };
    let most = choices.iter().map(steps).max().unwrap_or(1).max(1);
    let model = model(&request, state);
    let (usage, tokens) = usage(&request, &choices, settings.dialect);
    let pace = pace::draw(settings, number, tokens[0], most, &mut random);
    let due = pace.ready.clone();
    let metadata = (settings.dialect == Dialect::Pulze)
        .then(|| metadata(&request, headers, &model, tokens, due.last().copied().unwrap_or_default(), settings.seed));
    let answer = Answer {
        dialect: settings.dialect,
        id: id(settings.dialect, &mut random),
        created: created(settings.dialect),
        model,
        choices,
        usage,
        metadata,
        due,
        request,
    };
    let stream = answer.request.stream;
    let (bodies, due) = if stream { answer.chunks() } else { (vec![answer.completion()], vec![answer.last()]) };
    let kind = if stream { Kind::Stream } else { Kind::Whole };
    Draft {
        kind,
        status: 200,
        headers: Vec::new(),
        bodies,
        due,
        pace: Some(pace),
        number,
        openings: [opening, previous],
    }
}

/// The opening words of the last message, which the answer repeats.
fn opening(request: &ChatRequest<'_>) -> String {
    let last = request.texts.last().copied().unwrap_or_default();
    last.split_whitespace().take(ECHOED).collect::<Vec<_>>().join(" ")
}

fn say(request: &ChatRequest<'_>, body: &Value, opening: &str, tokens: u64, random: &mut Pcg64) -> Said {
    let calls = if request.last_role == Some("tool") { Vec::new() } else { tool::calls(request, random) };
    if !calls.is_empty() {
        return Said { words: Vec::new(), calls, finish: "tool_calls" };
    }
    let mut words: Vec<String> = opening.split_whitespace().map(str::to_owned).collect();
    while (words.len() as u64) < tokens {
        words.push(WORDS[random.random_range(0..WORDS.len())].to_owned());
    }
    let mut finish = "stop";
    if let Some(cap) = request.cap.and_then(|cap| usize::try_from(cap).ok()).filter(|cap| *cap < words.len()) {
        words.truncate(cap.max(1));
        finish = "length";
    }
    let words = stop_at(words, body);
    Said { words, calls, finish }
}

/// Cuts the words at the first stop sequence, which is not part of the text.
fn stop_at(words: Vec<String>, body: &Value) -> Vec<String> {
    let stops: Vec<&str> = match body.get("stop") {
        Some(Value::String(stop)) => vec![stop],
        Some(stops) => stops.as_array().into_iter().flatten().filter_map(Value::as_str).collect(),
        None => Vec::new(),
    };
    let text = words.join(" ");
    match stops.iter().filter(|stop| !stop.is_empty()).filter_map(|stop| text.find(stop)).min() {
        Some(at) => text[..at].split_whitespace().map(str::to_owned).collect(),
        None => words,
    }
}

impl Said {
    /// A word is a token; a call costs one for each four characters of its name and arguments.
    fn tokens(&self) -> usize {
        let length = |call: &Value| call["function"].to_string().len();
        self.words.len() + self.calls.iter().map(|call| length(call).div_ceil(4)).sum::<usize>()
    }

    fn message(&self, dialect: Dialect) -> Value {
        let content = if self.calls.is_empty() { json!(self.words.join(" ")) } else { Value::Null };
        let mut message = Map::from_iter([("role".to_owned(), json!("assistant")), ("content".to_owned(), content)]);
        match dialect {
            Dialect::Pulze => {
                message.insert(
                    "tool_calls".to_owned(),
                    if self.calls.is_empty() { Value::Null } else { json!(self.calls) },
                );
            }
            Dialect::OpenAi | Dialect::OpenAiStrict => {
                message.insert("refusal".to_owned(), Value::Null);
                if !self.calls.is_empty() {
                    message.insert("tool_calls".to_owned(), json!(self.calls));
                }
            }
        }
        Value::Object(message)
    }

    /// The deltas of a stream after the role: words, or a call's head and then its arguments piece by piece.
    fn deltas(&self) -> Vec<Value> {
        if self.calls.is_empty() {
            let spaced = |(i, word): (usize, &String)| if i == 0 { word.clone() } else { format!(" {word}") };
            return self.words.iter().enumerate().map(spaced).map(|text| json!({"content": text})).collect();
        }
        let mut deltas = Vec::new();
        for (index, call) in self.calls.iter().enumerate() {
            let function = &call["function"];
            deltas.push(json!({"tool_calls": [{"index": index, "id": call["id"], "type": "function",
                "function": {"name": function["name"], "arguments": ""}}]}));
            let arguments: Vec<char> = function["arguments"].as_str().unwrap_or_default().chars().collect();
            for piece in arguments.chunks(6) {
                let piece: String = piece.iter().collect();
                deltas.push(json!({"tool_calls": [{"index": index, "function": {"arguments": piece}}]}));
            }
        }
        deltas
    }
}

impl Answer<'_> {
    fn last(&self) -> Duration {
        self.due.last().copied().unwrap_or_default()
    }

    fn completion(&self) -> Value {
        let choice = |(index, said): (usize, &Said)| {
            let mut choice =
                json!({"index": index, "finish_reason": said.finish, "message": said.message(self.dialect)});
            if self.dialect.is_openai() {
                choice["logprobs"] = Value::Null;
            }
            choice
        };
        let choices: Vec<Value> = self.choices.iter().enumerate().map(choice).collect();
        let mut completion = self.frame("chat.completion");
        completion.insert("choices".to_owned(), json!(choices));
        completion.insert("usage".to_owned(), self.usage.clone());
        if let Some(metadata) = &self.metadata {
            completion.insert("metadata".to_owned(), metadata.clone());
        }
        Value::Object(completion)
    }

    /// The members that completions and chunks share.
    fn frame(&self, object: &str) -> Map<String, Value> {
        let mut frame = Map::from_iter([
            ("id".to_owned(), json!(self.id)),
            ("object".to_owned(), json!(object)),
            ("created".to_owned(), json!(self.created)),
            ("model".to_owned(), json!(self.model)),
        ]);
        if self.dialect.is_openai() {
            frame.insert("service_tier".to_owned(), json!("default"));
            frame.insert("system_fingerprint".to_owned(), json!("fp_reference"));
        }
        frame
    }

    fn chunk(&self, choices: Value) -> Value {
        let mut chunk = self.frame("chat.completion.chunk");
        chunk.insert("choices".to_owned(), choices);
        if self.dialect.is_openai() && self.request.include_usage {
            chunk.insert("usage".to_owned(), Value::Null);
        }
        Value::Object(chunk)
    }

    fn piece(&self, index: usize, delta: &Value, finish: Option<&str>) -> Value {
        let mut piece = json!({"index": index, "delta": delta, "finish_reason": finish});
        if self.dialect.is_openai() {
            piece["logprobs"] = Value::Null;
        }
        self.chunk(json!([piece]))
    }

    /// The chunks in the order they become ready, choices side by side: role, pieces, finish; usage at the end, in
    /// the openai dialect where asked, in Pulze's with the metadata in the last chunk.
    fn chunks(&self) -> (Vec<Value>, Vec<Duration>) {
        let mut timed: Vec<(Duration, Value)> = Vec::new();
        let at = |token: usize| self.due[token.min(self.due.len() - 1)];
        let deltas: Vec<Vec<Value>> = self.choices.iter().map(Said::deltas).collect();
        for index in 0..self.choices.len() {
            timed.push((at(0), self.piece(index, &json!({"role": "assistant", "content": ""}), None)));
        }
        for token in 0..deltas.iter().map(Vec::len).max().unwrap_or(0) {
            for (index, deltas) in deltas.iter().enumerate() {
                if let Some(delta) = deltas.get(token) {
                    timed.push((at(token), self.piece(index, delta, None)));
                }
            }
        }
        let end = timed.last().map_or(Duration::ZERO, |(at, _)| *at);
        for (index, said) in self.choices.iter().enumerate() {
            timed.push((end, self.piece(index, &json!({}), Some(said.finish))));
        }
        match (&self.metadata, timed.last_mut()) {
            (Some(metadata), Some((_, last))) => {
                last["usage"] = self.usage.clone();
                last["metadata"] = metadata.clone();
            }
            (None, _) if self.request.include_usage => {
                let mut chunk = self.chunk(json!([]));
                chunk["usage"] = self.usage.clone();
                timed.push((end, chunk));
            }
            _ => {}
        }
        timed.into_iter().map(|(at, chunk)| (chunk, at)).unzip()
    }
}

fn model(request: &ChatRequest<'_>, state: &State) -> String {
    let models = &state.settings.models;
    let first = models.first().map_or("pulze", String::as_str);
    let asked = request.model.unwrap_or(first);
    match state.settings.dialect {
        Dialect::OpenAi | Dialect::OpenAiStrict => asked.to_owned(),
        Dialect::Pulze if asked == "pulze" => {
            namespaced(models.iter().map(String::as_str).find(|m| *m != "pulze").unwrap_or("gpt-4o"))
        }
        Dialect::Pulze => namespaced(asked),
    }
}

/// Pulze's fully qualified name: `owner/model`.
fn namespaced(model: &str) -> String {
    if model.contains('/') { model.to_owned() } else { format!("{}/{model}", owner(model)) }
}

fn owner(model: &str) -> &str {
    match model.split_once('/') {
        Some((owner, _)) => owner,
        None if model.starts_with("gpt") => "openai",
        None if model.starts_with("llama") => "meta",
        None => "local",
    }
}

fn id(dialect: Dialect, random: &mut Pcg64) -> String {
    let [a, b]: [u64; 2] = [random.random(), random.random()];
    match dialect {
        // A UUID of version 4: it names the stored log.
        Dialect::Pulze => format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            a >> 32,
            (a >> 16) & 0xffff,
            a & 0xfff,
            0x8000 | ((b >> 48) & 0x3fff),
            b & 0xffff_ffff_ffff
        ),
        Dialect::OpenAi | Dialect::OpenAiStrict => format!("chatcmpl-{a:016x}{:08x}", b >> 32),
    }
}

/// Milliseconds in the pulze dialect, seconds in the openai dialect (spec, section 7, difference 10).
fn created(dialect: Dialect) -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    match dialect {
        Dialect::Pulze => u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
        Dialect::OpenAi | Dialect::OpenAiStrict => now.as_secs(),
    }
}

/// Usage as the dialect states it, and the two counts. A word is a token, of prompts too, with three more a message.
fn usage(request: &ChatRequest<'_>, choices: &[Said], dialect: Dialect) -> (Value, [u64; 2]) {
    let words: usize = request.texts.iter().map(|text| text.split_whitespace().count() + 3).sum();
    let (prompt, completion) = (words as u64 + 3, choices.iter().map(Said::tokens).sum::<usize>() as u64);
    let mut usage =
        json!({"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion});
    if dialect.is_openai() {
        usage["prompt_tokens_details"] = json!({"cached_tokens": 0, "audio_tokens": 0});
        usage["completion_tokens_details"] = json!({"reasoning_tokens": 0, "audio_tokens": 0, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0});
    }
    (usage, [prompt, completion])
}

/// Pulze's metadata block, whole.
fn metadata(
    request: &ChatRequest<'_>,
    headers: &HeaderMap,
    model: &str,
    tokens: [u64; 2],
    took: Duration,
    seed: u64,
) -> Value {
    let money = |prices: [f64; 2]| {
        let [prompt, completion] = [tokens[0] as f64 * prices[0], tokens[1] as f64 * prices[1]];
        json!({"total_tokens": prompt + completion, "prompt_tokens": prompt, "completion_tokens": completion})
    };
    let short = model.rsplit('/').next().unwrap_or(model);
    json!({
        "app_id": id(Dialect::Pulze, &mut Pcg64::seed_from_u64(seed)),
        "model": {"model": short, "provider": owner(model), "owner": owner(model), "namespace": model, "at": null},
        "costs": money(PRICES),
        "cost_savings": money(SAVED),
        "generated_artifacts": {"items": []},
        "search_results": {"items": []},
        "latency": took.as_secs_f64().max(1e-5),
        "labels": labels(headers),
        "error": null,
        "scores": {"best_models": [{model: 0.93}], "candidates": [{model: 0.93}, {"meta/llama-3.1-8b": 0.71}]},
        "score": 0.93,
        "temperature": request.temperature,
        "max_tokens": request.cap.map_or(json!(-1), |cap| json!(cap)),
        "status_code": 200,
        "retries": 0,
        "extra": {},
        "warning": null,
    })
}

/// `Pulze-Labels` as they are stored: keys lower-cased, values stringified; weights and policies join them.
fn labels(headers: &HeaderMap) -> Value {
    let mut labels = Map::new();
    for (name, header) in PULZE_HEADERS {
        let text = headers.get(header).and_then(|value| value.to_str().ok()).unwrap_or("{}");
        let Ok(Value::Object(members)) = serde_json::from_str(text) else { continue };
        for (key, value) in members {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            match name {
                "labels" => labels.insert(key.to_lowercase(), json!(value)),
                "weights" => labels.insert(format!("weights_{key}"), json!(value)),
                "policies" => labels.insert(key, json!(value)),
                _ => None,
            };
        }
    }
    Value::Object(labels)
}
