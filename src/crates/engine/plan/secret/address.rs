//! Addresses without what is secret in them: user, password, and the parameters whose names say so.

use std::ops::Range;

use percent_encoding::percent_decode_str;
use url::Url;

use super::name::is_secret_parameter;
use super::{STARS, Secret};

/// An address without user, password and secret parameters.
pub fn shown(url: &Url) -> String {
    let mut url = url.clone();
    if url.password().is_some() || !url.username().is_empty() {
        let _ = url.set_username(STARS);
        let _ = url.set_password(None);
    }
    if url.query().is_some() {
        let pairs: Vec<(String, String)> = url
            .query_pairs()
            .map(|(name, value)| {
                let value = if is_secret_parameter(&name) { STARS.into() } else { value };
                (name.into_owned(), value.into_owned())
            })
            .collect();
        url.query_pairs_mut().clear().extend_pairs(pairs);
    }
    url.to_string().replace("%2A%2A%2A", STARS)
}

/// The same of a text that may be no address.
pub fn shown_text(text: &str) -> String {
    match Url::parse(text) {
        Ok(url) if url.has_host() => shown(&url),
        Ok(_) | Err(_) => {
            let mut shown = text.to_owned();
            for span in secret_spans(text).into_iter().rev() {
                shown.replace_range(span, STARS);
            }
            shown
        }
    }
}

/// User, password and secret parameters of an address, as they are written and decoded.
pub fn secrets_of(url: &Url) -> Vec<Secret> {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let user = [url.username(), url.password().unwrap_or_default()];
    let parameters = url.query().into_iter().flat_map(|query| query.split('&')).filter_map(|pair| pair.split_once('='));
    let parameters = parameters.filter(|(name, _)| is_secret_parameter(&decoded(name))).map(|(_, value)| value);
    let written = user.into_iter().chain(parameters).filter(|value| !value.is_empty());
    let spaced = |value: &str| decoded(&value.replace('+', " "));
    written.flat_map(|value| [value.to_owned(), decoded(value), spaced(value)]).map(Secret::new).collect()
}

/// Where secrets are in a text that is meant to be an address, whether or not it is one: before its `@`, and in its query.
pub fn secret_spans(text: &str) -> Vec<Range<usize>> {
    let (start, is_address) = authority(text);
    let rest = &text[start..];
    let end = if is_address { rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len()) } else { rest.len() };
    let user = rest[..end].rfind('@').map(|at| start..start + at);
    let from = user.as_ref().map_or(start, |user| user.end);
    user.into_iter().filter(|user| !user.is_empty()).chain(parameters(text, from)).collect()
}

/// Where the authority of an address begins, and whether the text is an address as far as a library can tell.
fn authority(text: &str) -> (usize, bool) {
    let is_address = Url::parse(text).is_ok_and(|url| url.has_host());
    let is_scheme = |scheme: &str| scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let Some(colon) = text.find(':').filter(|colon| is_scheme(text[..*colon].trim_start())) else { return (0, false) };
    let behind = &text[colon + 1..];
    let slashes = behind.len() - behind.trim_start_matches(['/', '\\']).len();
    // Without slashes, what is before the colon may be a user and no scheme.
    if slashes == 0 && !is_address { (0, false) } else { (colon + 1 + slashes, is_address) }
}

/// The values of secret parameters behind the first `?`.
fn parameters(text: &str, from: usize) -> Vec<Range<usize>> {
    let Some(query) = text[from..].find('?').map(|at| from + at + 1) else { return Vec::new() };
    let mut at = query;
    let pairs = text[query..].split(['&', '#']).map(|pair| {
        let start = at;
        at += pair.len() + 1;
        (start, pair)
    });
    let secret = |(start, pair): (usize, &str)| {
        let (name, value) = pair.split_once('=').filter(|(_, value)| !value.is_empty())?;
        let name = percent_decode_str(name).decode_utf8_lossy();
        is_secret_parameter(&name).then(|| start + pair.len() - value.len()..start + pair.len())
    };
    pairs.filter_map(secret).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_shown_without_their_secrets() {
        for (address, text) in [
            ("https://me:hunter22@h/v1?api-key=s3cret&v=1", "https://***@h/v1?api-key=***&v=1"),
            ("https://token@h/v1?X-Amz-Signature=ab&code=c", "https://***@h/v1?X-Amz-Signature=***&code=***"),
            ("https://h/v1?max-tokens=7", "https://h/v1?max-tokens=7"),
            ("http://user:pw@host:99999", "http://***@host:99999"),
            ("http://user:p/w@host/v1", "http://***@host/v1"),
            ("http://user:p#w@host/v1?key=a b", "http://***@host/v1?key=***"),
            ("http://us er:pw@host:99999/", "http://***@host:99999/"),
            ("user:pw@host/v1", "***@host/v1"),
            ("user:pw@host:8000", "***@host:8000"),
            ("ftp://me:hunter22@h/v1?sig=1", "ftp://***@h/v1?sig=***"),
            ("http:///?api-key=1", "http:///?api-key=***"),
            ("localhost:8000/v1", "localhost:8000/v1"),
            ("no address", "no address"),
            ("", ""),
        ] {
            assert_eq!(shown_text(address), text, "{address}");
        }
    }

    #[test]
    fn secrets_are_known_as_written_and_decoded() {
        let url = Url::parse("https://me:p%40ss@h/?sig=a%2Bb&v=1").expect("a URL");
        let known: Vec<String> = secrets_of(&url).iter().map(|secret| secret.expose().to_owned()).collect();
        for value in ["me", "p%40ss", "p@ss", "a%2Bb", "a+b"] {
            assert!(known.iter().any(|secret| secret == value), "{value} of {known:?}");
        }
    }
}
