//! Words that replies hold whatever the key is: a secret that is one of them cannot be told from the protocol's own.

use std::sync::LazyLock;

use crate::wire::Dialect;

/// What HTTP and JSON add to the words of the contracts.
const OTHERS: &str = "application/json; charset=utf-8 text/event-stream transfer-encoding: chunked content-length content-type \
                      content-encoding connection: keep-alive cache-control: no-cache x-request-id x-ratelimit authorization: \
                      bearer retry-after access-control-allow-origin true false null data: event: id: retry: [done] http/1.1";

/// The schemas of all contracts and the words of HTTP and JSON, in lower case.
static TEXT: LazyLock<String> = LazyLock::new(|| {
    let dialects = [Dialect::Pulze, Dialect::OpenAi, Dialect::OpenAiStrict];
    let documents = dialects.into_iter().flat_map(|dialect| {
        let request = dialect.request().document().to_string();
        [request, dialect.response().document().to_string(), dialect.chunk().document().to_string()]
            .into_iter()
            .chain([dialect.error().document().to_string()])
    });
    documents.chain([OTHERS.to_owned()]).collect::<Vec<_>>().join("\n").to_lowercase()
});

/// Whether a value occurs in the contract itself, as `function` and `chat.completion` do. What such a value replaces in a
/// reply would be the protocol's own words.
pub fn is_word_of_protocol(value: &str) -> bool {
    !value.is_empty() && TEXT.contains(&value.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_contract_are_no_secrets() {
        for word in
            ["token", "null", "function", "chat", "chat.completion", "Completion", "text/event-stream", "choices"]
        {
            assert!(is_word_of_protocol(word), "{word}");
        }
        for key in ["sk-bearer-0123456789abcdef", "hunter22", ""] {
            assert!(!is_word_of_protocol(key), "{key}");
        }
    }
}
