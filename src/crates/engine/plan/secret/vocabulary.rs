//! Words that replies hold whatever the key is: a secret that is one of them cannot be told from the protocol's own.

use std::sync::Arc;

use crate::wire::Contract;

/// What HTTP and JSON add to the words of the contracts.
const OTHERS: &str = "application/json; charset=utf-8 text/event-stream transfer-encoding: chunked content-length content-type \
                      content-encoding connection: keep-alive cache-control: no-cache x-request-id x-ratelimit authorization: \
                      bearer retry-after access-control-allow-origin true false null data: event: id: retry: [done] http/1.1";

/// Whether a value occurs in one of the contracts, as `function` and `chat.completion` do, or in HTTP and JSON. What such a
/// value replaces in a reply would be the protocol's own words.
pub fn is_word_of_protocol(value: &str, contracts: &[Arc<Contract>]) -> bool {
    let is_word =
        || OTHERS.contains(&value.to_lowercase()) || contracts.iter().any(|contract| contract.has_words(value));
    !value.is_empty() && is_word()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_contract_are_no_secrets() {
        for word in
            ["token", "null", "function", "chat", "chat.completion", "Completion", "text/event-stream", "choices"]
        {
            assert!(is_word_of_protocol(word, &[crate::samples::openai()]), "{word}");
        }
        for key in ["sk-bearer-0123456789abcdef", "hunter22", ""] {
            assert!(!is_word_of_protocol(key, &[crate::samples::openai()]), "{key}");
        }
    }
}
