//! What to look for, to find a secret: itself, and what base64 (RFC 4648) and hexadecimal digits make of it.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::fold::foldings;

/// A form of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) text: Vec<u8>,
    /// Whether its neighbours hold some bits of the secret: digits of base64 belong to two bytes.
    pub(super) spills: bool,
}

/// All forms of a secret.
pub(super) fn forms(secret: &[u8]) -> Vec<Form> {
    let plain = |text: Vec<u8>| Form { text, spills: false };
    let mut forms = vec![plain(secret.to_vec()), plain(hex(secret).into_bytes())];
    // A text is compared with its escapes resolved, so what is an escape in the secret is resolved, too.
    forms.extend(foldings(secret).pop().map(|folded| plain(folded.bytes)));
    for before in 0..3 {
        for url in [false, true] {
            let form = Form { text: in_base64(secret, before, url).into_bytes(), spills: true };
            if !forms.contains(&form) {
                forms.push(form);
            }
        }
    }
    forms
}

/// The base64 digits that depend on the secret only, for a secret that begins after `before` bytes of a group of three.
fn in_base64(secret: &[u8], before: usize, url: bool) -> String {
    let bytes = [&[0; 2][..before], secret].concat();
    let digits = if url { URL_SAFE_NO_PAD.encode(&bytes) } else { STANDARD_NO_PAD.encode(&bytes) };
    let first = (8 * before).div_ceil(6);
    let last = 8 * bytes.len() / 6;
    digits[first..last].to_owned()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut digits, byte| {
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn base64_of_a_text_with_the_secret_holds_a_form(
            before in prop::collection::vec(any::<u8>(), 0..7),
            secret in prop::collection::vec(any::<u8>(), 8..40),
            after in prop::collection::vec(any::<u8>(), 0..7),
        ) {
            let text = [before, secret.clone(), after].concat();
            for encoded in [STANDARD.encode(&text), URL_SAFE_NO_PAD.encode(&text)] {
                let is_found = |form: &Form| memchr::memmem::find(encoded.as_bytes(), &form.text).is_some();
                prop_assert!(forms(&secret).iter().any(is_found));
            }
        }
    }

    #[test]
    fn forms_are_long_enough_to_mean_the_secret() {
        assert!(forms(b"hunter22").iter().all(|form| form.text.len() >= 8), "{:?}", forms(b"hunter22"));
    }
}
