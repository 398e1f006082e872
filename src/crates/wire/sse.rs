//! Server-sent events: bytes in any pieces become events, and what was wrong with the framing is kept.
//!
//! The rules are those of the WHATWG HTML standard, sections 9.2.5 and 9.2.6. A client would swallow what they call
//! harmless or discard silently; a harness reports it, so the decoder counts it in [`Framing`].

use memchr::{memchr, memchr2};

/// One dispatched event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The `event` field; empty where none was sent ("message" by the standard).
    pub name: Vec<u8>,
    /// The `data` lines, joined with LF; empty for a bare `data` line.
    pub data: Vec<u8>,
    /// How many `data` lines there were.
    pub lines: u32,
}

/// What the framing of a stream looked like, good and bad.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Framing {
    /// The stream opened with a byte-order mark, which readers ignore.
    pub bom: bool,
    /// Lines that ended in LF, in CR LF, and in CR alone.
    pub endings: Endings,
    /// Comment lines, which readers ignore.
    pub comments: u64,
    /// Text of the first comment, at most 80 bytes.
    pub first_comment: Option<Vec<u8>>,
    /// Lines whose field is none of data, event, id and retry, and which readers ignore.
    pub unknown_fields: u64,
    /// The first such line, at most 80 bytes.
    pub first_unknown: Option<Vec<u8>>,
    /// Bytes that came after the last blank line and that readers discard, at most 80 of them.
    pub unterminated: Option<Vec<u8>>,
    /// Events that carried more than one `data` line.
    pub multiline: u64,
}

/// How many lines ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Endings {
    /// LF.
    pub lf: u64,
    /// CR LF.
    pub crlf: u64,
    /// CR alone.
    pub cr: u64,
}

impl Endings {
    /// Whether more than one kind was used.
    pub fn mixed(self) -> bool {
        [self.lf, self.crlf, self.cr].iter().filter(|n| **n > 0).count() > 1
    }
}

/// Turns the bytes of a stream, in any pieces, into events.
///
/// The same bytes give the same events and the same [`Framing`] however they are cut.
#[derive(Debug, Default)]
pub struct Decoder {
    line: Vec<u8>,
    after_cr: bool,
    begun: bool,
    name: Vec<u8>,
    data: Vec<u8>,
    lines: u32,
    framing: Framing,
}

const BOM: &[u8] = b"\xef\xbb\xbf";
const SAMPLE: usize = 80;

impl Decoder {
    /// A decoder at the start of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes and hands every event that they complete to `emit`.
    pub fn push(&mut self, mut bytes: &[u8], mut emit: impl FnMut(Event)) {
        while !bytes.is_empty() {
            if std::mem::take(&mut self.after_cr) && bytes[0] == b'\n' {
                self.framing.endings.cr -= 1;
                self.framing.endings.crlf += 1;
                bytes = &bytes[1..];
                continue;
            }
            let Some(end) = memchr2(b'\n', b'\r', bytes) else {
                self.line.extend_from_slice(bytes);
                return;
            };
            if bytes[end] == b'\r' {
                self.after_cr = true;
                self.framing.endings.cr += 1;
            } else {
                self.framing.endings.lf += 1;
            }
            if self.line.is_empty() {
                self.line_ended(&bytes[..end], &mut emit);
            } else {
                let mut line = std::mem::take(&mut self.line);
                line.extend_from_slice(&bytes[..end]);
                self.line_ended(&line, &mut emit);
                line.clear();
                self.line = line;
            }
            bytes = &bytes[end + 1..];
        }
    }

    /// Ends the stream: what was not followed by a blank line is discarded, and noted.
    pub fn finish(mut self) -> Framing {
        let mut rest = std::mem::take(&mut self.line);
        if !self.begun && rest.starts_with(BOM) {
            self.framing.bom = true;
            rest.drain(..BOM.len());
        }
        let pending = self.lines > 0 || !self.name.is_empty();
        if pending || !rest.is_empty() {
            let mut left = self.data;
            if !rest.is_empty() && !left.is_empty() {
                left.push(b'\n');
            }
            left.extend_from_slice(&rest);
            self.framing.unterminated = Some(sample(&left));
        }
        self.framing
    }

    fn line_ended(&mut self, mut line: &[u8], emit: &mut impl FnMut(Event)) {
        if !std::mem::replace(&mut self.begun, true)
            && let Some(rest) = line.strip_prefix(BOM)
        {
            self.framing.bom = true;
            line = rest;
        }
        if line.is_empty() {
            self.dispatch(emit);
            return;
        }
        let (field, value) = match memchr(b':', line) {
            Some(0) => return self.comment(&line[1..]),
            Some(colon) => match &line[colon + 1..] {
                [b' ', value @ ..] | value => (&line[..colon], value),
            },
            None => (line, &line[line.len()..]),
        };
        match field {
            // Byte by byte: of a build that is small, every comparison of text is a call.
            [b'd', b'a', b't', b'a'] => {
                if self.lines > 0 {
                    self.data.push(b'\n');
                }
                self.data.extend_from_slice(value);
                self.lines += 1;
            }
            b"event" => self.name = value.to_vec(),
            b"id" | b"retry" => {}
            _ => {
                self.framing.unknown_fields += 1;
                self.framing.first_unknown.get_or_insert_with(|| sample(line));
            }
        }
    }

    fn comment(&mut self, text: &[u8]) {
        self.framing.comments += 1;
        self.framing.first_comment.get_or_insert_with(|| sample(text));
    }

    /// An event without a `data` line is no event, whatever its other fields were.
    fn dispatch(&mut self, emit: &mut impl FnMut(Event)) {
        let name = std::mem::take(&mut self.name);
        let lines = std::mem::take(&mut self.lines);
        if lines == 0 {
            return;
        }
        self.framing.multiline += u64::from(lines > 1);
        emit(Event { name, data: std::mem::take(&mut self.data), lines });
    }
}

fn sample(bytes: &[u8]) -> Vec<u8> {
    bytes[..bytes.len().min(SAMPLE)].to_vec()
}

#[cfg(test)]
mod tests;
