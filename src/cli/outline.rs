//! A look over a file of ours before it is read: its format, and whether its numbers can be ours.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The largest integer that a file of ours holds, as of JSON at large (RFC 8259, section 6): sums of what is larger
/// would overflow. Seeds and salts are no amounts, and use all 64 bits.
const LARGEST: u64 = 1 << 53;

/// What a file of ours says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct About {
    /// Its format.
    pub(super) format: Option<u64>,
    /// The version of proofload that wrote it.
    pub(super) version: Option<String>,
}

/// Name of the member with the version.
const VERSION: &str = "proofload";

/// What an object says of itself, with its format as the number under `key`.
///
/// # Errors
/// If the text is no JSON, or has an integer that cannot be ours.
pub(super) fn about(text: &str, key: &str) -> Result<About, serde_json::Error> {
    let mut document = serde_json::Deserializer::from_str(text);
    let about = Top { key }.deserialize(&mut document)?;
    document.end().map(|()| about)
}

/// The object at the top.
struct Top<'k> {
    key: &'k str,
}

impl<'de> DeserializeSeed<'de> for Top<'_> {
    type Value = About;

    fn deserialize<D: Deserializer<'de>>(self, document: D) -> Result<About, D::Error> {
        document.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Top<'_> {
    type Value = About;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<About, A::Error> {
        let mut about = About::default();
        while let Some(name) = members.next_key::<String>()? {
            if name == VERSION {
                about.version = members.next_value::<serde_json::Value>()?.as_str().map(str::to_owned);
                continue;
            }
            let Seen(number) = amount(&name, &mut members)?;
            if name == self.key {
                about.format = number;
            }
        }
        Ok(about)
    }
}

/// Any value that was looked over, and its number, where it is a whole one.
struct Seen(Option<u64>);

impl<'de> Deserialize<'de> for Seen {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Seen, D::Error> {
        value.deserialize_any(Look)
    }
}

struct Look;

impl<'de> Visitor<'de> for Look {
    type Value = Seen;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Seen, E> {
        if number > LARGEST {
            Err(E::custom(format!("the number {number} is too large")))
        } else {
            Ok(Seen(Some(number)))
        }
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Seen, E> {
        if number.unsigned_abs() > LARGEST {
            return Err(E::custom(format!("the number {number} is too small")));
        }
        Ok(Seen(None))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Seen, E> {
        Ok(Seen(None))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Seen, E> {
        Ok(Seen(None))
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Seen, E> {
        Ok(Seen(None))
    }

    fn visit_unit<E: Error>(self) -> Result<Seen, E> {
        Ok(Seen(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Seen, A::Error> {
        while items.next_element::<Seen>()?.is_some() {}
        Ok(Seen(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Seen, A::Error> {
        while let Some(name) = members.next_key::<String>()? {
            amount(&name, &mut members)?;
        }
        Ok(Seen(None))
    }
}

/// No run of ours begins later, in Unix milliseconds: after the year 3000 dates soon have five digits in their year.
const LATEST: u64 = 32_503_680_000_000;

/// The value of a member, looked over unless it is a seed or a salt.
fn amount<'de, A: MapAccess<'de>>(name: &str, members: &mut A) -> Result<Seen, A::Error> {
    if matches!(name, "seed" | "salt") {
        return members.next_value::<IgnoredAny>().map(|_| Seen(None));
    }
    let seen: Seen = members.next_value()?;
    match seen {
        Seen(Some(began)) if name == "started_unix_ms" && began > LATEST => {
            Err(A::Error::custom(format!("a start {began} ms after 1970 is too late")))
        }
        seen => Ok(seen),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_found_wherever_it_stands() {
        let format = |text: &str| about(text, "format").expect(text).format;
        assert_eq!(format(r#"{"format": 2, "a": [1, {"format": 3}], "b": -1.5}"#), Some(2));
        assert_eq!(format(r#"{"a": {"18446744073709551615": "x"}, "format": 4}"#), Some(4), "names are no numbers");
        assert_eq!(format(r#"{"format": "2"}"#), None);
        assert_eq!(format("{}"), None);
        let version = |text: &str| about(text, "format").expect(text).version;
        assert_eq!(version(r#"{"format": 3, "proofload": "0.3.0"}"#).as_deref(), Some("0.3.0"));
        assert_eq!(version(r#"{"a": {"proofload": "0.3.0"}, "proofload": 3}"#), None);
    }

    #[test]
    fn what_began_too_late_is_told() {
        let began = |ms: u64| about(&format!(r#"{{"meta": {{"started_unix_ms": {ms}}}, "format": 1}}"#), "format");
        assert_eq!(began(LATEST).expect("a time").format, Some(1));
        assert!(began(LATEST + 1).is_err_and(|error| error.to_string().starts_with("a start 32503680000001 ms")));
    }

    #[test]
    fn numbers_that_cannot_be_ours_are_told_with_their_place() {
        for text in
            [r#"{"a": [9007199254740993]}"#, r#"{"a": {"b": 18446744073709551615}}"#, r#"{"a": -9223372036854775808}"#]
        {
            let error = about(text, "a").expect_err(text).to_string();
            assert!(
                error.starts_with("the number ") && error.contains(" is too ") && error.contains("at line 1 column"),
                "{error}"
            );
        }
        for text in ["", "[]", "{} x", "{\"a\":", &format!("{{\"a\": {}", "[".repeat(10_000))] {
            assert!(about(text, "a").is_err(), "{text:.20}");
        }
    }
}
