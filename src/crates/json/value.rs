//! A JSON value that costs little to make and to look into: what is read of every reply.
//!
//! An object is a list of its members. Those of replies have few, so that going through them is quicker than hashing a
//! name; and their names are the same in every reply, so each thread keeps the ones it has seen and hands them out again
//! (`name.rs`). The methods are those of [`serde_json::Value`].

use std::collections::HashMap;
use std::fmt;
use std::ops::Index;
use std::sync::Arc;

use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::Number;

/// A JSON value.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Value {
    /// `null`.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Value>),
    /// An object.
    Object(Object),
}

/// The members of an object, in the order in which they came, each name once.
#[derive(Debug, Clone, Default)]
pub struct Object {
    members: Vec<(Arc<str>, Value)>,
}

/// An object to which members are added.
#[derive(Default)]
pub(super) struct Growing {
    members: Vec<(Arc<str>, Value)>,
    /// Where each name stands, once there are many: a hostile object may have a million.
    places: HashMap<Arc<str>, usize>,
}

/// Objects with more members than this are indexed while they are read.
const FEW: usize = 16;
/// Room for the members that most objects of a reply have.
const ROOM: usize = 8;

/// A whole number that a double holds exactly.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole, and within 0 to 2^53")]
fn whole(number: f64) -> Option<u64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (number.fract() == 0.0 && (0.0..=EXACT).contains(&number)).then_some(number as u64)
}

/// Whether two names are one. Most differ in length, and whatever is more than that is a call.
fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a == b
}

impl Growing {
    /// Adds a member; where its name is there already, its value takes the place of the other. Returns whether it was.
    pub(super) fn add(&mut self, name: Arc<str>, value: Value) -> bool {
        if let Some(place) = self.place(&name) {
            self.members[place].1 = value;
            return true;
        }
        if self.members.is_empty() {
            self.members.reserve(ROOM);
        }
        if self.members.len() == FEW {
            self.places = self.members.iter().enumerate().map(|(place, (name, _))| (Arc::clone(name), place)).collect();
        }
        if self.members.len() >= FEW {
            self.places.insert(Arc::clone(&name), self.members.len());
        }
        self.members.push((name, value));
        false
    }

    fn place(&self, name: &Arc<str>) -> Option<usize> {
        if self.members.len() > FEW {
            return self.places.get(name).copied();
        }
        self.members.iter().position(|(own, _)| same(own, name))
    }

    pub(super) fn object(self) -> Object {
        Object { members: self.members }
    }
}

impl Value {
    /// The members, where it is an object.
    pub fn as_object(&self) -> Option<&Object> {
        if let Value::Object(members) = self { Some(members) } else { None }
    }

    /// The items, where it is an array.
    pub fn as_array(&self) -> Option<&Vec<Value>> {
        if let Value::Array(items) = self { Some(items) } else { None }
    }

    /// The text, where it is a string.
    pub fn as_str(&self) -> Option<&str> {
        if let Value::String(text) = self { Some(text) } else { None }
    }

    /// The number, where it is one.
    pub fn as_number(&self) -> Option<&Number> {
        if let Value::Number(number) = self { Some(number) } else { None }
    }

    /// The number, where it is one that is whole and not negative, however it is written: `8`, `8.0` and `8e0` are one
    /// number (RFC 8259, section 6, and JSON Schema's integer), and [`Value::is_whole_float`] tells them apart.
    pub fn as_u64(&self) -> Option<u64> {
        let number = self.as_number()?;
        number.as_u64().or_else(|| whole(number.as_f64()?))
    }

    /// Whether it is a whole number that is written with a fraction or an exponent, as `8.0` or `1.7e9`. An integer that
    /// is too large for 64 bits is read as such a number too.
    pub fn is_whole_float(&self) -> bool {
        self.as_number().is_some_and(|number| number.is_f64() && number.as_f64().is_some_and(|n| n.fract() == 0.0))
    }

    /// The number, where it is one that is whole.
    pub fn as_i64(&self) -> Option<i64> {
        self.as_number()?.as_i64()
    }

    /// The number, where it is one.
    pub fn as_f64(&self) -> Option<f64> {
        self.as_number()?.as_f64()
    }

    /// Whether it is true, where it is true or false.
    pub fn as_bool(&self) -> Option<bool> {
        if let Value::Bool(value) = self { Some(*value) } else { None }
    }

    /// Whether it is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// Whether it is a number.
    pub fn is_number(&self) -> bool {
        matches!(self, Value::Number(_))
    }

    /// Whether it is a string.
    pub fn is_string(&self) -> bool {
        matches!(self, Value::String(_))
    }

    /// Whether it is an array.
    pub fn is_array(&self) -> bool {
        matches!(self, Value::Array(_))
    }

    /// Whether it is an object.
    pub fn is_object(&self) -> bool {
        matches!(self, Value::Object(_))
    }

    /// The member of that name, where it is an object that has one.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.as_object()?.get(name)
    }

    /// The member of that name, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        let Value::Object(members) = self else { return None };
        members.members.iter_mut().find(|(own, _)| same(own, name)).map(|(_, value)| value)
    }
}

impl Object {
    /// The member of that name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.members.iter().find(|(own, _)| same(own, name)).map(|(_, value)| value)
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Names and values.
    pub fn iter(&self) -> Members<'_> {
        Members(self.members.iter())
    }

    /// The names.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.members.iter().map(|(name, _)| &**name)
    }

    /// The values.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &Value> {
        self.members.iter().map(|(_, value)| value)
    }
}

/// Names and values of an object.
#[derive(Debug, Clone)]
pub struct Members<'o>(std::slice::Iter<'o, (Arc<str>, Value)>);

impl<'o> Iterator for Members<'o> {
    type Item = (&'o str, &'o Value);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(name, value)| (&**name, value))
    }
}

impl<'o> IntoIterator for &'o Object {
    type Item = (&'o str, &'o Value);
    type IntoIter = Members<'o>;

    fn into_iter(self) -> Members<'o> {
        self.iter()
    }
}

/// The order of members has no meaning (RFC 8259, section 4). It is mostly the same, and then no name is looked for: a
/// hostile object may have a million.
impl PartialEq for Object {
    fn eq(&self, other: &Object) -> bool {
        if self.keys().eq(other.keys()) {
            return self.values().eq(other.values());
        }
        self.len() == other.len() && self.iter().all(|(name, value)| other.get(name) == Some(value))
    }
}

impl PartialEq<str> for Value {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == Some(other)
    }
}

impl PartialEq<&str> for Value {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == Some(*other)
    }
}

impl Index<&str> for Value {
    type Output = Value;

    /// The member of that name, or `null`.
    fn index(&self, name: &str) -> &Value {
        self.get(name).unwrap_or(&Value::Null)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::String(text)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::String(text.to_owned())
    }
}

impl From<serde_json::Value> for Value {
    fn from(value: serde_json::Value) -> Value {
        match value {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(value) => Value::Bool(value),
            serde_json::Value::Number(number) => Value::Number(number),
            serde_json::Value::String(text) => Value::String(text),
            serde_json::Value::Array(items) => Value::Array(items.into_iter().map(Value::from).collect()),
            serde_json::Value::Object(members) => {
                let members = members.into_iter().map(|(name, value)| (name.into(), Value::from(value))).collect();
                Value::Object(Object { members })
            }
        }
    }
}

impl From<&Value> for serde_json::Value {
    fn from(value: &Value) -> serde_json::Value {
        match value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => serde_json::Value::Bool(*value),
            Value::Number(number) => serde_json::Value::Number(number.clone()),
            Value::String(text) => serde_json::Value::String(text.clone()),
            Value::Array(items) => serde_json::Value::Array(items.iter().map(serde_json::Value::from).collect()),
            Value::Object(members) => {
                serde_json::Value::Object(members.iter().map(|(name, value)| (name.to_owned(), value.into())).collect())
            }
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Number(number) => number.serialize(serializer),
            Value::String(text) => serializer.serialize_str(text),
            Value::Array(items) => serializer.collect_seq(items),
            Value::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                members.iter().try_for_each(|(name, value)| map.serialize_entry(name, value))?;
                map.end()
            }
        }
    }
}

/// As JSON on one line.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}
