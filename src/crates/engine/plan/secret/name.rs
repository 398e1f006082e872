//! Which headers, query parameters and variables hold a secret, by the words of their names.

/// Words that say so.
const WORDS: [&str; 15] = [
    "key",
    "apikey",
    "token",
    "secret",
    "auth",
    "authorization",
    "password",
    "passwd",
    "pwd",
    "sig",
    "signature",
    "cookie",
    "cookies",
    "credential",
    "credentials",
];

/// Names that have such a word and hold no secret: it tells one request from another, and everybody may know it.
const OPEN: [&str; 1] = ["idempotency-key"];

/// A query parameter that holds the key of an Azure function, though no word says so.
const CODE: &str = "code";

/// Whether a header, query parameter or environment variable holds a secret, which a word of its name tells. Words end at `-`, `_` and `.`, and where the case changes: `X-ApiKey`, `client_secret`, `accessToken`.
pub fn is_secret(name: &str) -> bool {
    !OPEN.iter().any(|open| open.eq_ignore_ascii_case(name))
        && words(name).any(|word| WORDS.iter().any(|secret| secret.eq_ignore_ascii_case(word)))
}

/// Whether a header may go to another origin than the one that it is for: neither it nor a variable in its value is a
/// secret, or the user has made it public.
pub fn may_cross(name: &str, value: &str, public: &[impl AsRef<str>]) -> bool {
    let is_public = public.iter().any(|public| public.as_ref().eq_ignore_ascii_case(name));
    is_public || !is_secret(name) && !value.contains("${")
}

/// Whether the value of a query parameter is a secret.
pub(super) fn is_secret_parameter(name: &str) -> bool {
    is_secret(name) || name.eq_ignore_ascii_case(CODE)
}

/// Whether a value is the name of the variable that holds a secret, as `key_env` is, by the name of what it is written to.
pub fn is_variable_name(name: &str) -> bool {
    words(name).last().is_some_and(|word| word.eq_ignore_ascii_case("env"))
}

/// The words of a name.
fn words(name: &str) -> impl Iterator<Item = &str> {
    name.split(['-', '_', '.', ' ']).flat_map(by_case)
}

/// A word cut where its case changes: before a capital after a small letter, and before the last capital of several.
fn by_case(word: &str) -> Vec<&str> {
    let bytes = word.as_bytes();
    let is_cut = |at: usize| {
        let [before, here] = [bytes[at - 1], bytes[at]];
        let next = bytes.get(at + 1);
        here.is_ascii_uppercase()
            && (before.is_ascii_lowercase() || before.is_ascii_digit() || next.is_some_and(u8::is_ascii_lowercase))
    };
    let cuts = (1..bytes.len()).filter(|at| word.is_char_boundary(*at) && is_cut(*at));
    let mut from = 0;
    let mut parts: Vec<&str> = cuts.map(|at| &word[std::mem::replace(&mut from, at)..at]).collect();
    parts.push(&word[from..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_secret_by_its_words() {
        for name in [
            "Authorization",
            "proxy-authorization",
            "api-key",
            "X-API-Key",
            "X-APIKey",
            "X-ApiKey",
            "apikey",
            "subscription-key",
            "Ocp-Apim-Subscription-Key",
            "client_secret",
            "x-goog-api-key",
            "x-functions-key",
            "helicone-auth",
            "cf-access-client-secret",
            "accessToken",
            "X-Amz-Security-Token",
            "X-Amz-Credential",
            "sig",
            "Cookie",
            "db.passwd",
            "OPENAI_API_KEY",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in [
            "X-Session-ID",
            "X-Author",
            "x-ratelimit-remaining-tokens",
            "Idempotency-Key",
            "content-type",
            "keyboard",
            "tokenizer",
            "x-signal",
            "monkey",
            "",
            "é",
        ] {
            assert!(!is_secret(name), "{name}");
        }
        assert!(may_cross("x-team", "red", &[""; 0]) && !may_cross("x-team", "${TEAM}", &[""; 0]));
        assert!(!may_cross("x-api-key", "k", &["other"]) && may_cross("x-api-key", "k", &["X-API-Key"]));
        assert!(is_secret_parameter("code") && !is_secret("code"));
        assert!(is_variable_name("key_env") && !is_variable_name("key"));
    }

    #[test]
    fn words_end_where_the_case_changes() {
        assert_eq!(
            words("XApiKey-v2_accessTOKEN.APIKey").collect::<Vec<_>>(),
            ["X", "Api", "Key", "v2", "access", "TOKEN", "API", "Key"]
        );
    }
}
