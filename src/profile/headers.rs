//! The headers of every request: the key, the user's own, and Pulze's.

use std::fmt::Write as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use url::Url;

use super::TargetTable;
use super::resolve::Resolver;
use crate::plan::secret::{Secret, is_secret, is_word_of_protocol, shown};
use crate::plan::target::{Header, Target};
use crate::wire::Contract;
use crate::wire::api::request::PULZE_HEADERS;

impl Resolver<'_> {
    /// The key, the profile's headers, and Pulze's.
    pub(super) fn headers(&mut self, table: &TargetTable, contract: &Contract, url: Option<&Url>) -> Vec<Header> {
        let mut headers: Vec<Header> = url.and_then(basic).into_iter().collect();
        if let Some(name) = &table.key_env {
            match (self.world.env)(name) {
                Some(key) => headers.push(Header {
                    name: "authorization".to_owned(),
                    value: Secret::new(format!("Bearer {}", key.trim())),
                    shown: format!("Bearer ${{{name}}}"),
                }),
                None => self.fault(
                    "/target/key_env",
                    format!("the environment variable {name} is not set"),
                    "it is to hold the API key",
                    format!("export {name}=..., or leave key_env out to send no key"),
                ),
            }
        }
        for (name, value) in &table.headers {
            let is_public = table.public_headers.iter().any(|public| public.eq_ignore_ascii_case(name));
            headers.extend(self.header(name, value, is_public));
        }
        if headers.iter().filter(|header| header.name == "authorization").count() > 1 {
            let help = "keep one of target.url with a user, target.key_env and an authorization header".to_owned();
            self.fault("/target", "the key is given more than once", "", help);
        }
        if !headers.iter().any(|header| header.name == "content-type") {
            let json = "application/json";
            headers.push(Header { name: "content-type".to_owned(), value: Secret::new(json), shown: json.to_owned() });
        }
        if contract.facts.pulze_headers {
            let pulze = &table.pulze;
            let tables = [&pulze.labels, &pulze.weights, &pulze.policies, &pulze.feature_flags];
            for ((_, header), members) in PULZE_HEADERS.iter().zip(tables) {
                if let Some(members) = members {
                    let text = ascii(&serde_json::Value::Object(members.clone()).to_string());
                    headers.push(Header { name: (*header).to_owned(), value: Secret::new(text.clone()), shown: text });
                }
            }
        }
        headers
    }

    fn header(&mut self, name: &str, value: &str, is_public: bool) -> Option<Header> {
        let pointer = format!("/target/headers/{}", crate::wire::json::pointer_token(name));
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(token) {
            self.fault(&pointer, format!("{name:?} is not a header name"), "", None);
            return None;
        }
        let parts = self.parts(&pointer, value)?;
        let filled: String = parts.iter().map(Part::value).collect();
        if filled.chars().any(char::is_control) {
            self.fault(&pointer, format!("the header {name} has a control character in its value"), "", None);
            return None;
        }
        let is_variable = |part: &&Part| matches!(part, Part::Variable { .. });
        let has_variable = parts.iter().any(|part| is_variable(&part));
        let shown = if !is_public && has_variable {
            parts.iter().map(|part| part.shown(is_secret(name))).collect()
        } else if !is_public && is_secret(name) {
            "***".to_owned()
        } else {
            filled.clone()
        };
        if !is_public {
            self.secrets.extend(parts.iter().filter(is_variable).map(|part| Secret::new(part.value())));
        }
        Some(Header { name: name.to_ascii_lowercase(), value: Secret::new(filled), shown })
    }

    /// The parts of a text in which `${NAME}` stands for an environment variable.
    fn parts(&mut self, pointer: &str, text: &str) -> Option<Vec<Part>> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            let Some(length) = rest[start..].find('}') else {
                self.fault(pointer, "${ without its }", "", "write ${NAME} for an environment variable".to_owned());
                return None;
            };
            let name = &rest[start + 2..start + length];
            let Some(value) = (self.world.env)(name) else {
                self.fault(
                    pointer,
                    format!("the environment variable {name} is not set"),
                    "",
                    format!("export {name}=..."),
                );
                return None;
            };
            parts.push(Part::Written(rest[..start].to_owned()));
            parts.push(Part::Variable { name: name.to_owned(), value: value.trim().to_owned() });
            rest = &rest[start + length + 1..];
        }
        parts.push(Part::Written(rest.to_owned()));
        Some(parts)
    }
}

/// A part of a header's value.
enum Part {
    /// What stands in the profile.
    Written(String),
    /// What a variable holds.
    Variable { name: String, value: String },
}

impl Part {
    fn value(&self) -> &str {
        match self {
            Part::Written(value) | Part::Variable { value, .. } => value,
        }
    }

    /// What may be shown of it. Of a header that is a secret that is the variable, and what is written around one: the
    /// scheme, or the name of a cookie. Another cookie that is written out is none of that.
    fn shown(&self, is_secret: bool) -> String {
        match self {
            Part::Variable { name, .. } => format!("${{{name}}}"),
            Part::Written(text) if is_secret => text.split_inclusive([';', ' ']).map(around).collect(),
            Part::Written(text) => text.clone(),
        }
    }
}

/// A word of a secret header: as it is where it is a name, and with stars for what is behind its `=` or has other
/// characters than letters.
fn around(word: &str) -> String {
    let end = word.trim_end_matches([';', ' ']);
    let rest = &word[end.len()..];
    match end.split_once('=') {
        Some((name, "")) => format!("{name}={rest}"),
        Some((name, _)) => format!("{name}=***{rest}"),
        None if end.bytes().all(|byte| byte.is_ascii_alphabetic()) => word.to_owned(),
        None => format!("***{rest}"),
    }
}

/// Fewer characters are no word.
const WORD: usize = 4;

/// Whether a secret is a word of the protocol, and not only a letter of it.
fn is_common(key: &str, contract: &Arc<Contract>) -> bool {
    key.chars().count() >= WORD && is_word_of_protocol(key, std::slice::from_ref(contract))
}

/// Says of which secrets it is not known where a reply repeats them, since the protocol has the same words.
pub(super) fn common_secrets(target: &Target) -> Vec<String> {
    let headers = target.headers.iter().filter(|header| header.is_secret());
    let headers = headers.filter_map(|header| {
        let value = header.value.expose();
        let key = value.split_once(' ').map_or(value, |(_, key)| key);
        is_common(key, &target.contract).then(|| format!("the header {} ({})", header.name, header.shown))
    });
    let page = target.scrape.as_ref().and_then(|scrape| scrape.url.as_ref());
    let addresses = [Some(&target.url), target.proxy.as_ref(), page].into_iter().flatten();
    let passwords = addresses
        .filter(|url| url.password().is_some_and(|password| is_common(password, &target.contract)))
        .map(|url| format!("the password in {}", shown(url)));
    let said = |what: String| {
        format!(
            "{what} is a word of the protocol itself: it is masked where it is sent, and cannot be told from the \
             protocol's words in replies; use another one"
        )
    };
    headers.chain(passwords).map(said).collect()
}

/// The header that a user and a password in an address stand for (RFC 7617).
fn basic(url: &Url) -> Option<Header> {
    let decoded = |text: &str| percent_decode_str(text).collect::<Vec<u8>>();
    let password = url.password().unwrap_or_default();
    if url.username().is_empty() && password.is_empty() {
        return None;
    }
    let pair = [decoded(url.username()), decoded(password)].join(&b':');
    let value = Secret::new(format!("Basic {}", STANDARD.encode(pair)));
    Some(Header { name: "authorization".to_owned(), value, shown: "***".to_owned() })
}

/// Header values are ASCII, so other characters of JSON are escaped (RFC 8259, section 7).
fn ascii(json: &str) -> String {
    let mut text = String::new();
    for c in json.chars() {
        if c.is_ascii() {
            text.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(text, "\\u{unit:04x}");
            }
        }
    }
    text
}
