//! JSON as RFC 8259 means it: one value, with the faults that a lenient parser hides.

use std::cell::RefCell;
use std::fmt::{self, Write as _};

use std::sync::Arc;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number};

mod contract;
mod name;
mod value;

pub use contract::Parsed;
pub use value::{Object, Value};

use value::Growing;

/// A value, written as JSON; whoever writes it needs `serde_json`.
#[macro_export]
macro_rules! made {
    ($($json:tt)*) => { $crate::Value::from(serde_json::json!($($json)*)) };
}

/// A JSON text that parsed.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The value; where a name stands twice in an object, the last one won.
    pub value: Value,
    /// JSON pointer of the first member whose name stands twice in its object (RFC 8259, section 4).
    pub duplicate: Option<String>,
}

/// Reads exactly one JSON value with nothing but white space around it.
///
/// # Errors
/// The parser's message with line and column: not JSON, not UTF-8, trailing bytes, or nested deeper than 128.
pub fn read(text: &[u8]) -> Result<Document, serde_json::Error> {
    let duplicate = RefCell::new(None);
    let mut parser = serde_json::Deserializer::from_slice(text);
    let value = Node { at: &Step::Root, duplicate: &duplicate }.deserialize(&mut parser)?;
    parser.end()?;
    Ok(Document { value, duplicate: duplicate.into_inner() })
}

/// The first `NaN` or `Infinity` outside a string of a text that is no JSON for it (RFC 8259, section 6).
pub fn non_finite(text: &[u8]) -> Option<&'static str> {
    let mut in_string = false;
    let mut escaped = false;
    for (i, byte) in text.iter().enumerate() {
        match (in_string, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_string = !in_string,
            (false, b'N') if text[i..].starts_with(b"NaN") => return Some("NaN"),
            (false, b'I') if text[i..].starts_with(b"Infinity") => return Some("Infinity"),
            (true | false, _) => {}
        }
    }
    None
}

/// Looks into an object of [`serde_json`]'s. Most have few members, and going through them is quicker than hashing a name.
pub trait Members {
    /// The value of a member.
    type Value;

    /// The member of that name, where it is an object that has one.
    fn member(&self, name: &str) -> Option<&Self::Value>;
}

/// Walks into a value by name.
pub trait At {
    /// The value at a path such as `/usage/0/name`: a JSON pointer whose names have nothing to escape, so that walking
    /// it allocates nothing.
    fn at(&self, path: &str) -> Option<&Self>;
}

/// Objects with more members than this are asked by the hash of a name.
const FEW: usize = 16;

impl Members for Map<String, serde_json::Value> {
    type Value = serde_json::Value;

    fn member(&self, name: &str) -> Option<&serde_json::Value> {
        if self.len() > FEW {
            return self.get(name);
        }
        self.iter().find(|(own, _)| own.as_str() == name).map(|(_, value)| value)
    }
}

impl Members for serde_json::Value {
    type Value = serde_json::Value;

    fn member(&self, name: &str) -> Option<&serde_json::Value> {
        self.as_object()?.member(name)
    }
}

impl Members for Value {
    type Value = Value;

    fn member(&self, name: &str) -> Option<&Value> {
        self.get(name)
    }
}

impl At for serde_json::Value {
    fn at(&self, path: &str) -> Option<&serde_json::Value> {
        path.strip_prefix('/')?.split('/').try_fold(self, |value, token| match value.as_array() {
            Some(items) => items.get(token.parse::<usize>().ok()?),
            None => value.member(token),
        })
    }
}

impl At for Value {
    fn at(&self, path: &str) -> Option<&Value> {
        path.strip_prefix('/')?.split('/').try_fold(self, |value, token| match value.as_array() {
            Some(items) => items.get(token.parse::<usize>().ok()?),
            None => value.get(token),
        })
    }
}

/// Escapes a member name for use in a JSON pointer (RFC 6901, section 3).
pub fn pointer_token(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// A place in a value: a chain of stack frames, so that a path costs nothing until it is wanted.
#[derive(Debug)]
pub enum Step<'p> {
    /// The value itself.
    Root,
    /// A member of an object.
    Member(&'p Step<'p>, &'p str),
    /// An item of an array.
    Item(&'p Step<'p>, usize),
    /// Any item of an array, which a path shows as `[]` behind it.
    AnyItem(&'p Step<'p>),
}

impl Step<'_> {
    /// The path as a JSON pointer (RFC 6901).
    pub fn pointer(&self) -> String {
        match self {
            Step::Root => String::new(),
            Step::AnyItem(parent) => parent.pointer() + "[]",
            Step::Member(parent, name) => format!("{}/{}", parent.pointer(), pointer_token(name)),
            Step::Item(parent, index) => {
                let mut pointer = parent.pointer();
                let _ = write!(pointer, "/{index}");
                pointer
            }
        }
    }
}

struct Node<'p> {
    at: &'p Step<'p>,
    duplicate: &'p RefCell<Option<String>>,
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        loop {
            let at = Step::Item(self.at, items.len());
            match seq.next_element_seed(Node { at: &at, duplicate: self.duplicate })? {
                Some(item) => items.push(item),
                None => return Ok(Value::Array(items)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Growing::default();
        while let Some(name) = members.next_key_seed(Name)? {
            let at = Step::Member(self.at, &name);
            let value = members.next_value_seed(Node { at: &at, duplicate: self.duplicate })?;
            if object.add(Arc::clone(&name), value) {
                self.duplicate.borrow_mut().get_or_insert_with(|| at.pointer());
            }
        }
        Ok(Value::Object(object.object()))
    }

    fn visit_i128<E: serde::de::Error>(self, _: i128) -> Result<Value, E> {
        Err(E::custom("integer out of range"))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, _: D) -> Result<Value, D::Error> {
        Err(D::Error::custom("not a JSON value"))
    }
}

impl<'de> Deserialize<'de> for Value {
    /// Where a name stands twice in an object, the last one wins.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        Node { at: &Step::Root, duplicate: &RefCell::default() }.deserialize(deserializer)
    }
}

/// The name of a member.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Arc<str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Arc<str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name {
    type Value = Arc<str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Arc<str>, E> {
        Ok(name::shared(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_serde_json_reads() {
        let text = br#" {"a":[1,-2,2.5,1e3,"x\u00e9",true,null],"b":{"c":[]}} "#;
        let document = read(text).expect("valid JSON");
        let theirs: serde_json::Value = serde_json::from_slice(text).expect("valid JSON");
        assert_eq!(serde_json::Value::from(&document.value), theirs);
        assert_eq!(document.value, Value::from(theirs));
        assert_eq!(document.duplicate, None);
    }

    #[test]
    fn a_whole_number_is_one_however_it_is_written_and_tells_how() {
        let number = |text: &str| read(text.as_bytes()).expect("a number").value;
        for (text, whole, float) in [
            ("8", Some(8), false),
            ("8.0", Some(8), true),
            ("8e0", Some(8), true),
            ("1.7e9", Some(1_700_000_000), true),
            ("8.5", None, false),
            ("-8", None, false),
            ("-8.0", None, true),
            ("1e300", None, true),
            ("18446744073709551615", Some(u64::MAX), false),
        ] {
            assert_eq!((number(text).as_u64(), number(text).is_whole_float()), (whole, float), "{text}");
        }
    }

    #[test]
    fn walks_as_a_pointer_does() {
        let value = serde_json::json!({"a": [{"b": 1}], "": 2});
        let own = Value::from(value.clone());
        for path in ["/a/0/b", "/a/1", "/a/x", "/a", "/b/c", "/", "/a/0/b/c", "a"] {
            assert_eq!(value.at(path), value.pointer(path), "{path}");
            assert_eq!(own.at(path).map(serde_json::Value::from).as_ref(), value.pointer(path), "{path}");
        }
    }

    #[test]
    fn names_the_member_that_stands_twice() {
        let document = read(br#"{"choices":[{"a":1},{"b/c":{"x":1,"x":2}}]}"#).expect("valid JSON");
        assert_eq!(document.duplicate.as_deref(), Some("/choices/1/b~1c/x"));
    }

    #[test]
    fn the_last_of_two_values_counts_however_many_members_there_are() {
        for count in [2, 16, 17, 100] {
            let members: Vec<String> = (0..count).map(|number| format!("\"m{number}\":{number}")).collect();
            let text = format!("{{{},\"m1\":\"last\"}}", members.join(","));
            let document = read(text.as_bytes()).expect("valid JSON");
            let theirs: serde_json::Value = serde_json::from_str(&text).expect("valid JSON");
            assert_eq!(document.value.to_string(), theirs.to_string());
            assert_eq!(document.duplicate.as_deref(), Some("/m1"));
        }
    }

    #[test]
    fn objects_are_equal_in_any_order_of_their_members() {
        let all = made!({"a": 1, "b": {"c": 2, "d": 3}});
        assert_eq!(all, made!({"b": {"d": 3, "c": 2}, "a": 1}));
        for other in [made!({"a": 1, "b": {"c": 2, "d": 4}}), made!({"a": 1, "c": {"c": 2, "d": 3}}), made!({"a": 1})] {
            assert_ne!(all, other);
        }
    }

    #[test]
    fn refuses_what_is_not_one_value() {
        for text in ["", "{", "{} {}", "{}x", "NaN", "[1,]", "\u{feff}{}", r#""\ud83d""#] {
            assert!(read(text.as_bytes()).is_err(), "{text:?}");
        }
        assert!(read(&[b'"', 0xff, b'"']).is_err());
        let deep = "[".repeat(100_000);
        assert!(read(deep.as_bytes()).is_err());
    }

    #[test]
    fn finds_non_finite_tokens_outside_strings_only() {
        assert_eq!(non_finite(br#"{"a":NaN}"#), Some("NaN"));
        assert_eq!(non_finite(br#"{"a":-Infinity}"#), Some("Infinity"));
        assert_eq!(non_finite(br#"{"a":"NaN \" Infinity"}"#), None);
    }
}
