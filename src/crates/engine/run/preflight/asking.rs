//! Whether the endpoint is ready, which model it serves, and how it counts tokens.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::Value;

use crate::plan::prompt::synthetic::Scale;
use crate::plan::target::Target;
use crate::run::client::{Client, ClientError};
use crate::wire::api::request::question;
use crate::wire::api::usage;
use crate::wire::json;

/// The models an endpoint lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Models {
    /// One: it is the one to use.
    One(String),
    /// Several: the user must choose.
    Several(Vec<String>),
    /// None were learnt, for this reason.
    Unknown(String),
}

/// Asks for `/models` beside the endpoint.
///
/// # Errors
/// If the target's certificates or headers are not usable.
pub async fn models(target: &Target) -> Result<Models, ClientError> {
    let client = Client::new(target)?;
    Ok(match client.ask(Method::GET, target.models(), None).await {
        Err(failure) => Models::Unknown(failure.to_string()),
        Ok((200, body)) => listed(&body),
        Ok((status, _)) => Models::Unknown(format!("status {status}")),
    })
}

/// The ids of a list of models; none where it is no such list.
pub(super) fn ids(body: &[u8]) -> Option<Vec<String>> {
    let list: Value = serde_json::from_slice(body).ok()?;
    let entries = list.get("data")?.as_array()?;
    Some(entries.iter().filter_map(|entry| Some(entry.get("id")?.as_str()?.to_owned())).collect())
}

fn listed(body: &[u8]) -> Models {
    let Some(mut ids) = ids(body) else {
        return Models::Unknown("the answer is not a list of models".to_owned());
    };
    match ids.len() {
        0 => Models::Unknown("the list of models is empty".to_owned()),
        1 => Models::One(ids.remove(0)),
        _ => Models::Several(ids),
    }
}

/// Numbers of words that the endpoint is asked to count.
const COUNTED: [u64; 2] = [64, 512];

/// Has the endpoint count the tokens of two prompts, by the usage of its replies; what it said where it did not.
///
/// # Errors
/// If the target's certificates or headers are not usable.
pub async fn calibrate(target: &Target, question: impl Fn(u64) -> Value) -> Result<Result<Scale, String>, ClientError> {
    let client = Client::new(target)?;
    let mut counts = Vec::new();
    for words in COUNTED {
        let body = question(words).to_string().into_bytes();
        match client.ask(Method::POST, target.url.clone(), Some(body)).await {
            Err(failure) => return Ok(Err(failure.to_string())),
            Ok((200, reply)) => match prompt_tokens(&reply) {
                Some(tokens) => counts.push((words, tokens)),
                None => return Ok(Err("its reply states no usage.prompt_tokens".to_owned())),
            },
            Ok((status, _)) => return Ok(Err(format!("it answers with status {status}"))),
        }
    }
    let scale = Scale::through(counts[0], counts[1]);
    Ok(scale.ok_or_else(|| {
        format!("it counts {} tokens for {} words and {} for {}", counts[0].1, counts[0].0, counts[1].1, counts[1].0)
    }))
}

fn prompt_tokens(reply: &[u8]) -> Option<f64> {
    usage::prompt_tokens(&json::read(reply).ok()?.value)
}

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Polls with one small completion until the endpoint answers with anything but 502, 503 and 504 (a server that is
/// loading its model says 503), or until the time is over. Returns what the last try said where it never did.
///
/// # Errors
/// If the target's certificates or headers are not usable.
pub async fn wait(
    target: &Target,
    limit: Duration,
    mut tell: impl FnMut(&str),
) -> Result<Result<(), String>, ClientError> {
    let client = Client::new(target)?;
    let body = Value::Object(question(target.model.as_deref(), "ready?", Some(1))).to_string().into_bytes();
    let deadline = Instant::now() + limit;
    let mut pause = FIRST_PAUSE;
    loop {
        let said = match client.ask(Method::POST, target.url.clone(), Some(body.clone())).await {
            Ok((502..=504, body)) => {
                format!("it answers {:?}", String::from_utf8_lossy(&body).chars().take(80).collect::<String>())
            }
            Ok(_) => return Ok(Ok(())),
            Err(failure) => failure.to_string(),
        };
        if Instant::now() + pause > deadline {
            return Ok(Err(said));
        }
        tell(&said);
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_models_are_read() {
        assert_eq!(listed(br#"{"object":"list","data":[{"id":"a"}]}"#), Models::One("a".into()));
        assert_eq!(listed(br#"{"data":[{"id":"a"},{"id":"b"}]}"#), Models::Several(vec!["a".into(), "b".into()]));
        assert!(matches!(listed(br#"{"data":[]}"#), Models::Unknown(_)));
        assert!(matches!(listed(b"<html>"), Models::Unknown(_)));
    }
}
