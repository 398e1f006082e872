//! The headers of every request: the key, the user's own, and Pulze's.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use url::Url;

use super::TargetTable;
use super::resolve::Resolver;
use crate::plan::secret::{Secret, is_secret_header};
use crate::plan::target::Header;
use crate::wire::Dialect;
use crate::wire::request::PULZE_HEADERS;

impl Resolver<'_> {
    /// The key, the profile's headers, and Pulze's.
    pub(super) fn headers(&mut self, table: &TargetTable, dialect: Dialect, url: Option<&Url>) -> Vec<Header> {
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
            headers.extend(self.header(name, value));
        }
        if headers.iter().filter(|header| header.name == "authorization").count() > 1 {
            let help = "keep one of target.url with a user, target.key_env and an authorization header".to_owned();
            self.fault("/target", "the key is given more than once", "", help);
        }
        if !headers.iter().any(|header| header.name == "content-type") {
            let json = "application/json";
            headers.push(Header { name: "content-type".to_owned(), value: Secret::new(json), shown: json.to_owned() });
        }
        if dialect == Dialect::Pulze {
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

    fn header(&mut self, name: &str, value: &str) -> Option<Header> {
        let pointer = format!("/target/headers/{}", crate::wire::json::pointer_token(name));
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(token) {
            self.fault(&pointer, format!("{name:?} is not a header name"), "", None);
            return None;
        }
        let filled = self.filled(&pointer, value)?;
        if filled.chars().any(char::is_control) {
            self.fault(&pointer, format!("the header {name} has a control character in its value"), "", None);
            return None;
        }
        let shown = if filled != value {
            value.to_owned()
        } else if is_secret_header(name) {
            "***".to_owned()
        } else {
            filled.clone()
        };
        Some(Header { name: name.to_ascii_lowercase(), value: Secret::new(filled), shown })
    }

    /// A text with `${NAME}` replaced by environment variables.
    fn filled(&mut self, pointer: &str, text: &str) -> Option<String> {
        let mut filled = String::new();
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
            filled += &rest[..start];
            filled += value.trim();
            rest = &rest[start + length + 1..];
        }
        Some(filled + rest)
    }
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
