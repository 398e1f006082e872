//! Tokenizers at hand: two vocabularies of tiktoken that are built in, and local `tokenizer.json` files of Hugging Face's.
//!
//! A count is of a text alone: what a chat template or the marks of a sequence add is not in it.

use std::io::Read as _;
use std::path::Path;

use kitoken::convert::convert_tokenizers;
use kitoken::{
    Configuration, Definition, Fallback, Kitoken, Metadata, Model, Regex, Split, SplitBehavior, Token, Vocab,
};

use super::guard::guarded;

/// A tokenizer, by the name that the user gave.
pub struct Tokenizer {
    name: String,
    model: Kitoken,
}

/// Tokens of one byte, which come first.
const SINGLE: usize = 256;
/// Bytes of a rank in a packed vocabulary.
const RANK_BYTES: usize = 3;

/// An encoding of tiktoken that is built in.
struct BuiltIn {
    name: &'static str,
    /// How a text is cut before tokens are looked for, as tiktoken publishes it (`tiktoken_ext/openai_public.py`).
    pattern: &'static str,
    /// Its tokens by rank, packed as `vocabularies/README.md` beside this file says.
    packed: &'static [u8],
}

const BUILT_IN: [BuiltIn; 2] = [
    BuiltIn {
        name: "o200k_base",
        pattern: concat!(
            r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|",
            r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|",
            r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        ),
        packed: include_bytes!("vocabularies/o200k_base.zlib"),
    },
    BuiltIn {
        name: "cl100k_base",
        pattern: concat!(
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|",
            r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        ),
        packed: include_bytes!("vocabularies/cl100k_base.zlib"),
    },
];

/// What is said of a file that the library gives up on.
const CONTRADICTS: &str = "its vocabulary, merges and rules do not fit one another";
/// A text with letters of several scripts, numbers, marks and spaces, to try a tokenizer on.
const SAMPLE: &str = "About 2 rivers, caf\u{e9} & \u{304a}\u{8a95}\u{751f}\u{65e5}:\n  42 \u{1f44d}!";

/// Names of the tokenizers that are built in.
pub const NAMES: [&str; 2] = [BUILT_IN[0].name, BUILT_IN[1].name];

/// Whether a name is that of a file, and not of a tokenizer that is built in.
pub fn is_file(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"))
}

impl Tokenizer {
    /// The tokenizer of that name that is built in.
    ///
    /// # Errors
    /// If there is none, or it is damaged.
    pub fn built_in(name: &str) -> Result<Tokenizer, String> {
        let known = || format!("no tokenizer is called {name:?}; known are {}", NAMES.join(", "));
        let built_in = BUILT_IN.iter().find(|built_in| built_in.name == name).ok_or_else(known)?;
        let model = built_in.model().map_err(|error| format!("the vocabulary of {name} is damaged: {error}"))?;
        Ok(Tokenizer { name: name.to_owned(), model })
    }

    /// The tokenizer of a `tokenizer.json`, with byte-pair encoding, unigrams or word pieces.
    ///
    /// # Errors
    /// If it is none, or of a kind that is not supported.
    pub fn read(name: &str, json: &[u8]) -> Result<Tokenizer, String> {
        let read = guarded(|| {
            let definition = convert_tokenizers(json).map_err(|error| error.to_string())?;
            if definition.model.vocab().is_empty() {
                return Err("its vocabulary is empty".to_owned());
            }
            Kitoken::from_definition(definition).map_err(|error| error.to_string())
        });
        let model = read.unwrap_or_else(|| Err(CONTRADICTS.to_owned()))?;
        // What it does with a text shows only then.
        if guarded(|| model.encode(SAMPLE, false).is_ok()).is_none() {
            return Err(CONTRADICTS.to_owned());
        }
        Ok(Tokenizer { name: name.to_owned(), model })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many tokens a text has; none where it has characters that the tokenizer cannot say at all.
    pub fn count(&self, text: &str) -> Option<u64> {
        self.tokens(text).map(|tokens| tokens.len() as u64)
    }

    /// The tokens of a text; what looks like a mark of a sequence is taken for text.
    fn tokens(&self, text: &str) -> Option<Vec<u32>> {
        guarded(|| self.model.encode(text, false).ok()).flatten()
    }
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokenizer").field("name", &self.name).finish_non_exhaustive()
    }
}

impl BuiltIn {
    fn model(&self) -> Result<Kitoken, String> {
        let pattern = Regex::new(self.pattern).map_err(|error| error.to_string())?;
        let config = Configuration {
            fallback: vec![Fallback::Skip],
            split: vec![Split::Pattern { pattern: pattern.into(), behavior: SplitBehavior::Isolate }],
            ..Configuration::default()
        };
        let model = Model::BytePair { vocab: self.vocab()?, chars: false };
        let definition = Definition { meta: Metadata::default(), model, specials: Vec::new(), config };
        Kitoken::from_definition(definition).map_err(|error| error.to_string())
    }

    fn vocab(&self) -> Result<Vocab, String> {
        let mut bytes = Vec::new();
        flate2::read::ZlibDecoder::new(self.packed).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        let (single, joins) = bytes.split_at_checked(SINGLE).ok_or("too short")?;
        let count = joins.len() / (2 * RANK_BYTES);
        let mut tokens: Vec<Vec<u8>> = single.iter().map(|byte| vec![*byte]).collect();
        for join in 0..count {
            let byte = |plane: usize| usize::from(joins[plane * count + join]);
            let rank = |first: usize| byte(first) << 16 | byte(first + 1) << 8 | byte(first + 2);
            let part = |rank: usize| tokens.get(rank).map(Vec::as_slice).ok_or("a token before its parts");
            tokens.push([part(rank(0))?, part(rank(RANK_BYTES))?].concat());
        }
        Ok((0..).zip(tokens).map(|(id, bytes)| Token { id, bytes }).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Published by tiktoken's own tests (`tests/test_encoding.py`) and `OpenAI`'s cookbook (How to count tokens).
    const CL100K: [(&str, &[u32]); 12] = [
        ("hello world", &[15339, 1917]),
        ("rer", &[38149]),
        ("'rer", &[2351, 81]),
        ("today\n ", &[31213, 198, 220]),
        ("today\n \n", &[31213, 27907]),
        ("today\n  \n", &[31213, 14211]),
        (" \u{85}0", &[220, 126, 227, 15]),
        ("\u{1f44d}", &[9468, 239, 235]),
        ("tiktoken is great!", &[83, 1609, 5963, 374, 2294, 0]),
        ("antidisestablishmentarianism", &[519, 85342, 34500, 479, 8997, 2191]),
        ("2 + 2 = 4", &[17, 489, 220, 17, 284, 220, 19]),
        ("お誕生日おめでとう", &[33334, 45918, 243, 21990, 9080, 33334, 62004, 16556, 78699]),
    ];
    const O200K: [(&str, &[u32]); 3] = [
        ("antidisestablishmentarianism", &[493, 129_901, 376, 160_388, 21203, 2367]),
        ("2 + 2 = 4", &[17, 659, 220, 17, 314, 220, 19]),
        ("お誕生日おめでとう", &[8930, 9697, 243, 128_225, 8930, 17693, 4344, 48669]),
    ];

    fn holds(name: &str, vectors: &[(&str, &[u32])]) {
        let tokenizer = Tokenizer::built_in(name).expect("built in");
        for (text, tokens) in vectors {
            assert_eq!(tokenizer.tokens(text).as_deref(), Some(*tokens), "{name}: {text:?}");
        }
        // Texts that are all alike, as tiktoken's test_catastrophically_repetitive has them, end in time.
        for text in ["^", "0", "a", "'s", " ", "\n"] {
            assert!(
                tokenizer.count(&format!(" {}\n", text.repeat(10_000))).is_some_and(|count| count > 50),
                "{text:?}"
            );
        }
    }

    #[test]
    fn published_vectors_hold() {
        holds("cl100k_base", &CL100K);
        holds("o200k_base", &O200K);
    }

    #[test]
    fn a_name_that_is_none_and_a_file_that_is_none_are_told() {
        let error = Tokenizer::built_in("p50k").expect_err("not built in");
        assert_eq!(error, "no tokenizer is called \"p50k\"; known are o200k_base, cl100k_base");
        for json in ["", "{}", "[]", "{\"model\": {\"type\": \"BPE\"}}"] {
            assert!(Tokenizer::read("x", json.as_bytes()).is_err(), "{json}");
        }
    }

    #[test]
    fn a_file_that_the_library_panics_on_is_told_as_any_other() {
        let unk = r###"{"added_tokens": [], "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": {"##a": 0}}}"###;
        let empty = "its vocabulary is empty";
        for (json, part) in [
            (r#"{"model": {"type": "BPE", "vocab": {}, "merges": []}}"#, empty),
            (r#"{"model": {"type": "Unigram", "vocab": []}}"#, ""),
            (unk, ""),
        ] {
            let error = Tokenizer::read("x", json.as_bytes()).expect_err(json);
            assert!(error.contains(part), "{json}: {error}");
        }
    }
}
