//! A value that is a secret.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A string that prints as `***`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value.
    pub fn new(value: impl Into<String>) -> Secret {
        Secret(value.into())
    }

    /// The value, for the one place that puts it on the wire.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The value of a header with the parts of it that are secrets on their own: what comes after the scheme, user and
    /// password of `Basic` (RFC 7617), and the value of each cookie (RFC 6265).
    pub fn with_parts(&self, header: &str) -> Vec<Secret> {
        let mut parts = vec![self.clone()];
        if header.eq_ignore_ascii_case("cookie") {
            let values = self.0.split(';').filter_map(|pair| Some(pair.split_once('=')?.1.trim()));
            parts.extend(values.map(Secret::new));
        } else if let Some((scheme, token)) = self.0.split_once(' ') {
            parts.push(Secret::new(token.trim()));
            if scheme.eq_ignore_ascii_case("basic") {
                parts.extend(user_and_password(token.trim()).into_iter().flatten());
            }
        }
        parts
    }
}

/// User and password of a `Basic` token, together and apart.
fn user_and_password(token: &str) -> Option<[Secret; 3]> {
    let pair = String::from_utf8(STANDARD.decode(token).ok()?).ok()?;
    let (user, password) = pair.split_once(':')?;
    Some([&pair, user, password].map(Secret::new))
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_prints_as_stars() {
        assert_eq!(format!("{:?}", Secret::new("sk-123")), "***");
    }

    #[test]
    fn the_parts_of_a_header_are_secrets_too() {
        for (header, value, parts) in [
            ("x-api-key", "abc", vec!["abc"]),
            ("authorization", "Bearer abc", vec!["Bearer abc", "abc"]),
            ("authorization", "Basic bWU6cHc=", vec!["Basic bWU6cHc=", "bWU6cHc=", "me:pw", "me", "pw"]),
            ("cookie", "session=abc; theme=dark", vec!["session=abc; theme=dark", "abc", "dark"]),
        ] {
            let found = Secret::new(value).with_parts(header);
            assert_eq!(found.iter().map(Secret::expose).collect::<Vec<_>>(), parts);
        }
    }
}
