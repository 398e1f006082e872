//! Which keys of a profile hold secrets, wherever they are written: in a file, behind `--set`, or behind `--sweep`.

use crate::plan::secret::{is_secret, shown_text};

/// Keys of `[target]` that hold an address.
pub(super) const ADDRESSES: [&str; 3] = ["url", "proxy", "scrape"];

/// Whether a key as `target.headers.x-api-key` holds a secret.
pub fn is_secret_key(key: &str) -> bool {
    key.strip_prefix("target.headers.").is_some_and(is_secret)
}

/// The value of a key as it may be shown, where that is an address, without what is secret in it.
pub fn shown_address(key: &str, value: &str) -> Option<String> {
    let is_address = key.strip_prefix("target.").is_some_and(|name| ADDRESSES.contains(&name));
    (is_address || value.contains("://")).then(|| shown_text(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_by_their_names() {
        assert!(is_secret_key("target.headers.x-api-key") && !is_secret_key("target.headers.x-team"));
        assert!(!is_secret_key("goodput.first_token") && !is_secret_key("case.0.max_tokens"));
        assert_eq!(shown_address("target.proxy", "me:pw@h").as_deref(), Some("***@h"));
        assert_eq!(shown_address("other", "http://me:pw@h/").as_deref(), Some("http://***@h/"));
        assert_eq!(shown_address("concurrency", "4"), None);
    }
}
