//! What is around an endpoint that refused: the models that it has, a base address that is more likely, TLS.

use std::time::Duration;

use reqwest::Method;
use url::Url;

use super::asking::ids;
use super::refusal::{Kind, base};
use crate::plan::target::{Target, Timeouts};
use crate::run::client::{Client, ClientError};

/// What was found around an endpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// Ids of the models that it lists.
    pub models: Vec<String>,
    /// The base address at which there is a list of models.
    pub base: Option<Url>,
}

/// Advice is worth no longer wait.
const PATIENCE: Duration = Duration::from_secs(5);
/// Paths that APIs of this kind are served under, behind what was given and at the root.
const LIKELY: [&str; 3] = ["/v1", "/api/v1", "/openai/v1"];

/// Looks for what helps against a refusal of that kind.
///
/// # Errors
/// If the target's certificates or headers are not usable.
pub async fn look_around(target: &Target, kind: Kind) -> Result<Surroundings, ClientError> {
    let timeouts = Timeouts { connect: PATIENCE, first_byte: PATIENCE, total: PATIENCE };
    let client = Client::new(&Target { timeouts, ..target.clone() })?;
    let mut found = Surroundings::default();
    match kind {
        Kind::Model | Kind::Forbidden => {
            if let Ok((200, body)) = client.ask(Method::GET, target.models(), None).await {
                found.models = ids(&body).unwrap_or_default();
            }
        }
        Kind::Path | Kind::Page => {
            for candidate in candidates(target) {
                if is_api(&client, &candidate).await {
                    found.base = Some(candidate);
                    break;
                }
            }
        }
        Kind::Unreachable
        | Kind::NoSuchHost
        | Kind::Silent
        | Kind::Proxy
        | Kind::Tls
        | Kind::PlainServer
        | Kind::NotHttp
        | Kind::Key
        | Kind::Redirect => {}
    }
    Ok(found)
}

/// Whether there is a list of models below an address, or one that is shown to nobody without a key.
async fn is_api(client: &Client, base: &Url) -> bool {
    let mut url = base.clone();
    url.set_path(&format!("{}/models", base.path().trim_end_matches('/')));
    match client.ask(Method::GET, url, None).await {
        Ok((200, body)) => ids(&body).is_some(),
        Ok((401 | 403, body)) => body.trim_ascii_start().starts_with(b"{"),
        Ok(_) | Err(_) => false,
    }
}

/// Base addresses at the same server that are more likely than the one that was given, the nearest first.
fn candidates(target: &Target) -> Vec<Url> {
    let given = base(target);
    let own = given.path().trim_end_matches('/').to_owned();
    let paths = LIKELY.iter().map(|path| format!("{own}{path}")).chain(LIKELY.iter().map(|path| (*path).to_owned()));
    let mut candidates: Vec<Url> = Vec::new();
    for path in paths.filter(|path| *path != own) {
        let mut candidate = given.clone();
        candidate.set_path(&path);
        if !candidates.contains(&candidate) {
            candidates.push(candidate);
        }
    }
    candidates
}
