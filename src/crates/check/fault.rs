//! Kinds of faults: what tells two findings of one rule at one place apart, whatever the values were.

use std::fmt;

use crate::exchange::{Outcome, Reading};
use crate::wire::json::Value;

/// What is wrong at a place.
///
/// A rule names the kind where it can be broken in several ways. Where it does not, the kind is what came: the JSON type
/// of the value at the place, or how the reply ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Something that must be there is not.
    Missing,
    /// A JSON value of another type.
    WrongType,
    /// A value that is not one of the published ones.
    WrongValue,
    /// Something comes more often than it may.
    Repeated,
    /// Something differs from what was said before.
    Changed,
    /// Something comes before or after its turn.
    OutOfOrder,
    /// Something comes that nobody asked for.
    Unasked,
    /// Two parts of the reply contradict each other.
    Contradiction,
    /// Bytes that cannot be read as what they should be.
    Unreadable,
    /// An end before the proper end.
    CutOff,
    /// The keyword of a JSON Schema that is broken: `required`, `type`, `enum`, ...
    Schema(String),
    /// A JSON value of this type: `null`, `boolean`, `number`, `string`, `array` or `object`.
    Came(&'static str),
    /// A complete reply with this HTTP status.
    Status(u16),
    /// An exchange that ended so, without a complete reply.
    Ended(Outcome),
    /// Nothing more is known.
    Other,
}

impl Fault {
    /// The kind that only says what came: a value of some type, or nothing.
    pub fn came(value: Option<&Value>) -> Fault {
        match value {
            None => Fault::Missing,
            Some(Value::Null) => Fault::Came("null"),
            Some(Value::Bool(_)) => Fault::Came("boolean"),
            Some(Value::Number(_)) => Fault::Came("number"),
            Some(Value::String(_)) => Fault::Came("string"),
            Some(Value::Array(_)) => Fault::Came("array"),
            Some(Value::Object(_)) => Fault::Came("object"),
        }
    }

    /// The kind of a finding about a reply as a whole: its status, or how it ended.
    pub(super) fn of_reply(reading: &Reading<'_>) -> Fault {
        match reading.exchange.status() {
            Some(status) if reading.complete() && (reading.outcome == Outcome::Ok || !reading.success()) => {
                Fault::Status(status)
            }
            Some(_) | None => Fault::Ended(reading.outcome),
        }
    }
}

/// The stable name in files, which baselines hold.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Missing => f.write_str("missing"),
            Fault::WrongType => f.write_str("wrong-type"),
            Fault::WrongValue => f.write_str("wrong-value"),
            Fault::Repeated => f.write_str("repeated"),
            Fault::Changed => f.write_str("changed"),
            Fault::OutOfOrder => f.write_str("out-of-order"),
            Fault::Unasked => f.write_str("unasked"),
            Fault::Contradiction => f.write_str("contradiction"),
            Fault::Unreadable => f.write_str("unreadable"),
            Fault::CutOff => f.write_str("cut-off"),
            Fault::Schema(keyword) => write!(f, "schema-{keyword}"),
            Fault::Came(kind) => write!(f, "got-{kind}"),
            Fault::Status(status) => write!(f, "status-{status}"),
            Fault::Ended(outcome) => write!(f, "ended-{outcome}"),
            Fault::Other => f.write_str("other"),
        }
    }
}
