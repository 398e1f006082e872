//! The tokenizer of the reference endpoint: usage, caps, log probabilities and `logit_bias` all count with it.
//!
//! A token is an optional space and then a run of at most [`LONGEST`] letters and digits, or one other character; white
//! space that none of these follows is a token a character. Tokens join to the text, whatever the text is. The id of a
//! token is the low 31 bits of XXH3-64 of its bytes, the space included, so ` river` and `river` differ, as they do in
//! real vocabularies; `POST /tokenize` tells ids.

use xxhash_rust::xxh3::xxh3_64;

/// Longest run of letters and digits in one token, in characters.
const LONGEST: usize = 10;

/// The tokens of a text, in order.
pub(super) fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (token, behind) = rest.split_at(length(rest));
        rest = behind;
        (!token.is_empty()).then_some(token)
    })
}

/// How many tokens a text has.
pub(super) fn count(text: &str) -> u64 {
    tokens(text).count() as u64
}

/// The id of a token, which is what `logit_bias` names it by.
pub(super) fn id(token: &str) -> u64 {
    xxh3_64(token.as_bytes()) & 0x7fff_ffff
}

/// Length in bytes of the first token.
fn length(text: &str) -> usize {
    let space = text.strip_prefix(' ').is_some_and(|rest| rest.chars().next().is_some_and(|c| !c.is_whitespace()));
    let start = usize::from(space);
    let rest = &text[start..];
    let word = word(rest);
    start + if word > 0 { word } else { rest.chars().next().map_or(0, char::len_utf8) }
}

/// Length in bytes of the letters and digits at the start. Nearly all of them are ASCII, which needs no tables.
fn word(text: &str) -> usize {
    let ascii = text.bytes().take(LONGEST).take_while(u8::is_ascii_alphanumeric).count();
    if ascii == LONGEST || text.as_bytes().get(ascii).is_none_or(u8::is_ascii) {
        return ascii;
    }
    text.chars().take(LONGEST).take_while(|c| c.is_alphanumeric()).map(char::len_utf8).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_token_is_a_word_with_its_space_or_a_character() {
        let split = |text| tokens(text).collect::<Vec<_>>();
        assert_eq!(split("What is 2+2?"), ["What", " is", " 2", "+", "2", "?"]);
        assert_eq!(split("a  b\n c "), ["a", " ", " b", "\n", " c", " "]);
        assert_eq!(split("abcdefghijklm"), ["abcdefghij", "klm"]);
        assert_eq!(split("Grüße, 世界 🌍"), ["Grüße", ",", " 世界", " 🌍"]);
    }

    #[test]
    fn ids_are_stable_and_tell_the_space() {
        assert_eq!(id(" river"), id(" river"));
        assert_ne!(id(" river"), id("river"));
        assert!(id("x") < 1 << 31);
    }

    proptest! {
        #[test]
        fn tokens_join_to_the_text(text in "\\PC{0,40}|[a-z \\n\\t]{0,40}") {
            prop_assert_eq!(tokens(&text).collect::<String>(), text.as_str());
            prop_assert!(tokens(&text).all(|token| !token.is_empty()));
        }
    }
}
