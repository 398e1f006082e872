//! Values that never reach a file, a log, a curl line or a report.

use std::fmt;

/// A string that prints as `***`.
#[derive(Clone, PartialEq, Eq)]
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
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Replaces secrets that a server echoes, in whatever is about to be kept or shown.
#[derive(Debug, Clone, Default)]
pub struct Redactor {
    secrets: Vec<Secret>,
}

/// Shorter secrets would make common words unreadable, and are none.
const SHORTEST: usize = 4;

impl Redactor {
    /// A redactor of these values; the longest are replaced first, as one may contain another.
    pub fn new(secrets: impl IntoIterator<Item = Secret>) -> Redactor {
        let mut secrets: Vec<Secret> = secrets.into_iter().filter(|secret| secret.0.len() >= SHORTEST).collect();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.0.len()));
        Redactor { secrets }
    }

    /// The text with every secret replaced by `***`.
    pub fn clean(&self, text: &str) -> String {
        self.replaced(text, |_| "***".to_owned())
    }

    /// The text with every secret replaced by as many `*` as it has bytes, so that places in the text stay.
    pub fn mask(&self, text: &str) -> String {
        self.replaced(text, |secret| "*".repeat(secret.len()))
    }

    /// The same for bytes that need not be text.
    pub fn mask_bytes(&self, bytes: &[u8]) -> Vec<u8> {
        let mut masked = bytes.to_vec();
        for Secret(secret) in &self.secrets {
            let places: Vec<usize> = memchr::memmem::find_iter(&masked, secret.as_bytes()).collect();
            for place in places {
                masked[place..place + secret.len()].fill(b'*');
            }
        }
        masked
    }

    fn replaced(&self, text: &str, stand_in: fn(&str) -> String) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, Secret(secret)| {
            if text.contains(secret) { text.replace(secret, &stand_in(secret)) } else { text }
        })
    }
}

/// Whether a header's value is a secret whatever it comes from.
pub fn is_secret_header(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    matches!(name.as_str(), "authorization" | "proxy-authorization" | "api-key" | "x-api-key" | "cookie")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_prints_as_stars() {
        assert_eq!(format!("{:?}", Secret::new("sk-123")), "***");
    }

    #[test]
    fn secrets_are_replaced_longest_first() {
        let redactor = Redactor::new(["sk-12", "sk-1234", "abc"].map(Secret::new));
        assert_eq!(redactor.clean("key sk-1234, sk-12 and abc"), "key ***, *** and abc");
        assert_eq!(redactor.mask_bytes(b"\xff sk-1234, sk-12"), b"\xff *******, *****");
        assert_eq!(redactor.mask("key sk-1234, sk-12 and abc"), "key *******, ***** and abc");
    }
}
