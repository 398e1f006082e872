//! One place at which a rule is broken.

use std::fmt;

use super::fault::Fault;
use super::pointed;
use crate::exchange::Reading;
use crate::wire::schema::Violation;

/// One place at which a rule is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Number of the request at whose reply it was found, where several were judged together.
    pub seq: Option<u64>,
    /// Number of the event, in a stream.
    pub event: Option<usize>,
    /// JSON pointer into the body, or into the data of the event; empty for all of it.
    pub pointer: String,
    /// What was expected and what came.
    pub detail: String,
    /// The kind of fault, where the rule names it or it has been worked out from the reply.
    pub fault: Option<Fault>,
}

/// What tells a fault from another of the same rule, whatever the values were: its place, in which every array position
/// is `*` and the number of the event is left out, and its kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signature {
    /// The place: `/choices/*/message`, `event /choices/*/delta`, or nothing.
    pub place: String,
    /// The kind of fault, as [`Fault`] is written.
    pub fault: String,
}

impl Finding {
    /// A finding at a place of the body.
    pub(crate) fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Finding {
        Finding { seq: None, event: None, pointer: pointer.into(), detail: detail.into(), fault: None }
    }

    /// A finding in the data of an event.
    pub(crate) fn in_event(event: usize, pointer: &str, detail: impl Into<String>) -> Finding {
        Finding { event: Some(event), ..Finding::new(pointer, detail) }
    }

    /// A place where the body breaks a schema.
    pub(crate) fn of_schema(violation: Violation) -> Finding {
        Finding::new(violation.pointer, violation.message).kind(Fault::Schema(violation.keyword))
    }

    /// The same, at the reply to that request.
    pub(crate) fn at(self, reading: &Reading<'_>) -> Finding {
        Finding { seq: Some(reading.exchange.ticket.seq), ..self.settled(reading) }
    }

    /// The same, with the kind of fault named.
    #[must_use]
    pub(crate) fn kind(self, fault: Fault) -> Finding {
        Finding { fault: Some(fault), ..self }
    }

    /// The same with its kind of fault worked out from the reply, where the rule named none.
    #[must_use]
    pub fn settled(self, reading: &Reading<'_>) -> Finding {
        Finding { fault: Some(self.fault_in(reading)), ..self }
    }

    /// The kind of fault, worked out from the reply where the rule named none.
    pub fn fault_in(&self, reading: &Reading<'_>) -> Fault {
        match (&self.fault, self.event, self.pointer.as_str()) {
            (Some(fault), ..) => fault.clone(),
            (None, None, "") => Fault::of_reply(reading),
            // A reply without JSON there, or a place in a stream as a whole, cannot be looked up.
            _ => match pointed::document(reading, pointed::event_of(reading, self)) {
                Some(value) => Fault::came(pointed::at(value, &self.pointer)),
                None => Fault::Other,
            },
        }
    }

    /// What tells it from other findings of the rule.
    pub fn signature(&self) -> Signature {
        let fault = self.fault.as_ref().unwrap_or(&Fault::Other).to_string();
        Signature { place: Signature::general(&self.place()), fault }
    }

    /// The place in words: `/choices/0`, `event 3 /choices/0`, or nothing.
    pub fn place(&self) -> String {
        match self.event {
            Some(event) => format!("event {event} {}", self.pointer).trim_end().to_owned(),
            None => self.pointer.clone(),
        }
    }
}

impl Signature {
    /// A place as [`Finding::place`] writes it, without positions.
    pub fn general(place: &str) -> String {
        let (in_event, steps) = Signature::parts(place);
        let event = if in_event { "event " } else { "" };
        format!("{event}{}", steps.collect::<Vec<_>>().join("/")).trim_end().to_owned()
    }

    /// Whether two places are the same without positions.
    pub fn is_alike(place: &str, other: &str) -> bool {
        let ((in_event, steps), (other_in_event, other_steps)) = (Signature::parts(place), Signature::parts(other));
        in_event == other_in_event && steps.eq(other_steps)
    }

    /// Whether a place is in an event, and the steps of its pointer, every position as `*`.
    fn parts(place: &str) -> (bool, impl Iterator<Item = &str>) {
        let (in_event, pointer) = match place.strip_prefix("event ") {
            Some(rest) => (true, rest.split_once(' ').map_or("", |(_, pointer)| pointer)),
            None => (false, place),
        };
        let is_position = |step: &str| !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit());
        (in_event, pointer.split('/').map(move |step| if is_position(step) { "*" } else { step }))
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.place.is_empty() { "the reply" } else { &self.place };
        write!(f, "{} at {place}", self.fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_knows_place_and_kind_and_no_position() {
        let of = |event, pointer: &str, fault| {
            Finding { event, ..Finding::new(pointer, "said").kind(fault) }.signature().to_string()
        };
        assert_eq!(of(None, "/choices/0/index", Fault::Missing), "missing at /choices/*/index");
        assert_eq!(of(Some(7), "/choices/12/delta", Fault::Changed), "changed at event /choices/*/delta");
        assert_eq!(of(Some(7), "", Fault::Schema("type".into())), "schema-type at event");
        assert_eq!(of(None, "", Fault::Status(500)), "status-500 at the reply");
        assert_eq!(Signature::general("event 3 /a/1b/2"), "event /a/1b/*");
    }
}
