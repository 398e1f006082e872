//! A look over a file of ours before it is read: its format, and whether its numbers can be ours.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The largest integer that a file of ours holds, as of JSON at large (RFC 8259, section 6): sums of what is larger
/// would overflow. Seeds and salts are no amounts, and use all 64 bits.
const LARGEST: u64 = 1 << 53;

/// The number under `key` of an object; none where there is none.
///
/// # Errors
/// If the text is no JSON, or has an integer that cannot be ours.
pub(super) fn format_of(text: &str, key: &str) -> Result<Option<u64>, serde_json::Error> {
    let mut document = serde_json::Deserializer::from_str(text);
    let format = Top { key }.deserialize(&mut document)?;
    document.end().map(|()| format)
}

/// The object at the top.
struct Top<'k> {
    key: &'k str,
}

impl<'de> DeserializeSeed<'de> for Top<'_> {
    type Value = Option<u64>;

    fn deserialize<D: Deserializer<'de>>(self, document: D) -> Result<Option<u64>, D::Error> {
        document.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Top<'_> {
    type Value = Option<u64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Option<u64>, A::Error> {
        let mut format = None;
        while let Some(name) = members.next_key::<String>()? {
            let Seen(number) = amount(&name, &mut members)?;
            if name == self.key {
                format = number;
            }
        }
        Ok(format)
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
            Err(E::custom(format!("no number of ours is as large as {number}")))
        } else {
            Ok(Seen(Some(number)))
        }
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Seen, E> {
        if number.unsigned_abs() > LARGEST {
            return Err(E::custom(format!("no number of ours is as low as {number}")));
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

/// The value of a member, looked over unless it is a seed or a salt.
fn amount<'de, A: MapAccess<'de>>(name: &str, members: &mut A) -> Result<Seen, A::Error> {
    if matches!(name, "seed" | "salt") {
        return members.next_value::<IgnoredAny>().map(|_| Seen(None));
    }
    members.next_value()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_found_wherever_it_stands() {
        let format = |text: &str| format_of(text, "format").expect(text);
        assert_eq!(format(r#"{"format": 2, "a": [1, {"format": 3}], "b": -1.5}"#), Some(2));
        assert_eq!(format(r#"{"a": {"18446744073709551615": "x"}, "format": 4}"#), Some(4), "names are no numbers");
        assert_eq!(format(r#"{"format": "2"}"#), None);
        assert_eq!(format("{}"), None);
    }

    #[test]
    fn numbers_that_cannot_be_ours_are_told_with_their_place() {
        for text in
            [r#"{"a": [9007199254740993]}"#, r#"{"a": {"b": 18446744073709551615}}"#, r#"{"a": -9223372036854775808}"#]
        {
            let error = format_of(text, "a").expect_err(text).to_string();
            assert!(error.starts_with("no number of ours is as l") && error.contains("at line 1 column"), "{error}");
        }
        for text in ["", "[]", "{} x", "{\"a\":", &format!("{{\"a\": {}", "[".repeat(10_000))] {
            assert!(format_of(text, "a").is_err(), "{text:.20}");
        }
    }
}
