//! Forms in which servers repeat a secret, and the search for what is left of one. Nothing here is shared with the program.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

/// How a server repeats a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Plain,
    Upper,
    Slashes,
    Units,
    Percent,
    PercentOfPercent,
    Html,
    Base64(usize),
    Base64Url(usize),
    /// Over two events of a stream; over two texts of a whole reply.
    Split,
}

pub(super) const FORMS: [Form; 14] = [
    Form::Plain,
    Form::Upper,
    Form::Slashes,
    Form::Units,
    Form::Percent,
    Form::PercentOfPercent,
    Form::Html,
    Form::Base64(0),
    Form::Base64(1),
    Form::Base64(2),
    Form::Base64Url(0),
    Form::Base64Url(1),
    Form::Base64Url(2),
    Form::Split,
];

impl Form {
    /// The secret as it stands between the quotes of a JSON string.
    pub(super) fn of(self, secret: &str) -> String {
        match self {
            Form::Plain | Form::Split => secret.to_owned(),
            Form::Upper => secret.to_uppercase(),
            Form::Slashes => secret.replace('/', r"\/"),
            Form::Units => units(secret),
            Form::Percent => percent(secret, "%"),
            Form::PercentOfPercent => percent(secret, "%25"),
            Form::Html => secret.replace('/', "&#x2F;").replace('+', "&#43;"),
            Form::Base64(before) => STANDARD.encode(format!("{}{secret}!", &"xy"[..before])),
            Form::Base64Url(before) => URL_SAFE.encode(format!("{}{secret}!", &"xy"[..before])),
        }
    }
}

fn units(secret: &str) -> String {
    secret.chars().fold(String::new(), |mut text, c| {
        let _ = write!(text, "\\u{:04x}", u32::from(c));
        text
    })
}

fn percent(secret: &str, sign: &str) -> String {
    secret.bytes().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{sign}{byte:02X}");
        text
    })
}

/// The halves of a secret, of which neither may be left.
pub(super) fn halves(secret: &str) -> [&str; 2] {
    let (first, second) = secret.split_at(secret.len() / 2);
    [first, second]
}

/// What of a secret is in a text, in any form; none where there is nothing.
pub(super) fn left_of(secret: &str, text: &str) -> Option<String> {
    let lower = text.to_lowercase();
    let mut needles = Vec::new();
    for half in halves(secret) {
        for form in FORMS {
            let needle = match form {
                // The digits at both ends hold bits of the neighbours.
                Form::Base64(before) | Form::Base64Url(before) => {
                    let encoded = form.of(half);
                    let skipped = (8 * before).div_ceil(6);
                    encoded[skipped..8 * (before + half.len()) / 6].to_owned()
                }
                Form::Plain
                | Form::Upper
                | Form::Slashes
                | Form::Units
                | Form::Percent
                | Form::PercentOfPercent
                | Form::Html
                | Form::Split => form.of(half),
            };
            needles.extend([needle.replace('\\', r"\\"), needle]);
        }
    }
    needles.into_iter().find(|needle| lower.contains(&needle.to_lowercase()))
}

#[test]
fn what_is_left_of_a_secret_is_found() {
    let secret = "sk/one+two-0123456789abcdef";
    for form in FORMS {
        let text = format!("it is \"{}\"", form.of(secret));
        assert!(left_of(secret, &text).is_some(), "{form:?}: {text}");
    }
    assert_eq!(left_of(secret, "nothing of it here"), None);
}
