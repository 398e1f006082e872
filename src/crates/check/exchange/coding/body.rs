//! A body out of its codings.

use super::named::{codings, stages};
use super::room::{Fault, Room, Stage};
use crate::exchange::done::{TAIL, ends_in_done};
use crate::exchange::outcome::{Form, Outcome};
use crate::exchange::{Arrival, Body, Coding, End, Exchange, Head, Transfer};

/// Of a body that is too long, so much is kept as evidence.
const KEPT_OF_TOO_LONG: usize = 65_536;

/// A body out of its codings, as far as that went.
struct Decoded {
    body: Body,
    fault: Option<Fault>,
    /// Whether every coding has come to its end.
    whole: bool,
}

impl Exchange {
    /// Takes the content codings off the body, which may have so many bytes then. Events keep the instants of the bytes
    /// that completed them. What cannot be decoded is malformed, and stays as it came.
    pub fn decode(&mut self, longest: usize) {
        let coded = self.head.as_ref().filter(|_| !self.unjudged && self.transfer.coding == Coding::Plain);
        let Some(head) = coded.filter(|_| !self.body.bytes.is_empty()) else { return };
        let codings = codings(head);
        if codings.is_empty() {
            return;
        }
        let says = format!("the body says content-encoding: {}, which", codings.join(", "));
        let Some(stages) = stages(&codings) else { return self.is_not_decoded(format!("{says} cannot be decoded")) };
        let Decoded { body, fault, whole } = decoded(&self.body, stages, longest);
        let wire = self.body.bytes.len() as u64;
        if !body.bytes.is_empty() {
            self.body = body;
        }
        self.transfer.coding = Coding::Decoded { wire };
        match fault {
            Some(Fault::TooLong) => {
                self.outcome = Outcome::TooLarge;
                self.cause = Some(format!("the decoded reply is longer than {longest} bytes"));
                shorten(&mut self.body);
            }
            Some(Fault::Broken(why)) => self.is_not_decoded(format!("{says} it is not: {why}")),
            None if !whole && self.is_at_its_end() => {
                self.is_not_decoded(format!("{says} it is not: it ends in the middle"));
            }
            None => self.ends_at_done(),
        }
    }

    /// Whether the head names a content coding that nobody has taken off.
    pub fn is_coded(&self) -> bool {
        self.transfer.coding == Coding::Plain && self.head.as_ref().is_some_and(|head| !codings(head).is_empty())
    }

    /// Bytes of the body on the wire, without its framing.
    pub fn wire_bytes(&self) -> u64 {
        match self.transfer.coding {
            Coding::Decoded { wire } | Coding::Broken { wire } => wire,
            Coding::Plain => self.body.bytes.len() as u64,
        }
    }

    fn is_at_its_end(&self) -> bool {
        self.status().map(Outcome::of_status) == Some(self.outcome)
    }

    fn is_not_decoded(&mut self, why: String) {
        self.transfer.coding = Coding::Broken { wire: self.wire_bytes() };
        self.cause.get_or_insert(why);
        if self.outcome == Outcome::Ok {
            self.outcome = Outcome::Malformed(Form::BadCoding);
        }
    }

    /// A stream that was waited for in vain after its `[DONE]` has ended there; in its coding the client did not see it.
    fn ends_at_done(&mut self) {
        let bytes = &self.body.bytes;
        let is_done = || ends_in_done(&bytes[bytes.len().saturating_sub(TAIL)..]);
        let waited = self.outcome == Outcome::Timeout && self.asked.wanted.stream;
        let success = self.status().map(Outcome::of_status) == Some(Outcome::Ok);
        let Some(last) = self.body.arrivals.iter().find(|arrival| arrival.end == bytes.len()) else { return };
        if waited && success && is_done() {
            self.transfer = Transfer { end: End::Lingering, freed: Some(self.ended), ..self.transfer };
            (self.outcome, self.cause, self.ended) = (Outcome::Ok, None, last.at);
        }
    }
}

/// The text of a body that came with a head, for what is asked beside the load.
///
/// # Errors
/// Why it cannot be decoded, in words.
pub fn decode_text(head: &Head, bytes: Vec<u8>, longest: usize) -> Result<Vec<u8>, String> {
    let codings = codings(head);
    if codings.is_empty() {
        return Ok(bytes);
    }
    let broken = |why: &str| format!("its body, which says content-encoding: {}, {why}", codings.join(", "));
    let stages = stages(&codings).ok_or_else(|| broken("cannot be decoded"))?;
    let arrivals = vec![Arrival { at: head.at, end: bytes.len() }];
    match decoded(&Body { bytes, arrivals }, stages, longest) {
        Decoded { fault: Some(Fault::Broken(why)), .. } => Err(broken(&format!("cannot be decoded: {why}"))),
        Decoded { fault: Some(Fault::TooLong), .. } => Err(broken("is too long")),
        Decoded { body, fault: None, .. } => Ok(body.bytes),
    }
}

fn decoded(body: &Body, mut stages: Vec<Box<dyn Stage>>, longest: usize) -> Decoded {
    let mut room = Room::new(longest);
    let mut arrivals = Vec::with_capacity(body.arrivals.len());
    let (mut from, mut fault) = (0, None);
    for arrival in &body.arrivals {
        let pushed = push(&mut stages, &body.bytes[from..arrival.end], &mut room);
        from = arrival.end;
        arrivals.push(Arrival { at: arrival.at, end: room.bytes.len() });
        if let Err(found) = pushed {
            fault = Some(found);
            break;
        }
    }
    let whole = stages.iter().all(|stage| stage.is_whole());
    Decoded { body: Body { bytes: room.bytes, arrivals }, fault, whole }
}

/// Sends the bytes of an arrival through one stage after the other.
fn push(stages: &mut [Box<dyn Stage>], bytes: &[u8], room: &mut Room) -> Result<(), Fault> {
    let Some((last, before)) = stages.split_last_mut() else { return room.put(bytes) };
    let mut between = None;
    for stage in before {
        let mut next = Room::new(room.longest);
        stage.push(between.as_ref().map_or(bytes, |room: &Room| &room.bytes), &mut next)?;
        between = Some(next);
    }
    last.push(between.as_ref().map_or(bytes, |room| &room.bytes), room)
}

fn shorten(body: &mut Body) {
    body.bytes.truncate(KEPT_OF_TOO_LONG);
    body.bytes.shrink_to_fit();
    body.arrivals.retain(|arrival| arrival.end <= KEPT_OF_TOO_LONG);
}

#[cfg(test)]
mod tests;
