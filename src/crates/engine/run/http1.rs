//! HTTP/1.1 replies, taken apart as they come (RFC 9112): what a client reads, without I/O and without a clock.
//!
//! What is let pass and what is not follows hyper, which a test holds it against.

use std::borrow::Cow;
use std::time::Duration;

use crate::exchange::Head;

/// A head has at most so many headers, and so many bytes.
const MOST_HEADERS: usize = 100;
const LONGEST_HEAD: usize = 400 << 10;
/// Bytes of all chunk extensions, and of all trailers: nobody reads them.
const LONGEST_EXTRAS: usize = 16 << 10;
/// Bytes of one chunk size, with leading zeros and white space behind.
const LONGEST_SIZE: usize = 1 << 10;
/// So many bytes tell what is no reply at all.
const TELLING: usize = 16;

/// A piece of a reply.
#[derive(Debug)]
pub(super) enum Piece<'b> {
    /// Status and headers; interim ones are left out.
    Head(Head, Lines),
    /// Bytes of the body.
    Body(&'b [u8]),
}

/// How the lines of a head came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lines {
    /// Each header in one.
    Whole,
    /// Some header in several, which are read as one (RFC 9112, section 5.2).
    Folded,
}

/// Takes one reply apart.
#[derive(Debug)]
pub(super) struct Reader {
    expects: Expects,
    reusable: bool,
}

/// What comes next.
#[derive(Debug)]
enum Expects {
    /// The rest of a head that began like this.
    Head(Vec<u8>),
    /// So many bytes of the body.
    Counted(u64),
    Chunks(Chunks),
    /// The body, until the connection is closed.
    Close,
    Nothing,
}

/// Why bytes are no reply.
#[derive(Debug, thiserror::Error)]
pub(super) enum Malformed {
    #[error("no HTTP/1 reply: {0}")]
    Head(httparse::Error),
    #[error("a head of more than {MOST_HEADERS} headers or {LONGEST_HEAD} bytes")]
    LongHead,
    #[error("{0}, so that nobody can tell where the body ends")]
    Length(&'static str),
    #[error("chunked body: {0}")]
    Chunk(&'static str),
    /// It was cut off.
    #[error("the connection was closed before the end of the reply")]
    Ended,
}

impl Default for Reader {
    fn default() -> Reader {
        Reader { expects: Expects::Head(Vec::new()), reusable: true }
    }
}

impl Reader {
    /// Takes bytes apart that came at this instant.
    ///
    /// # Errors
    /// If they are no reply; the pieces before the fault are handed out.
    pub(super) fn push(
        &mut self,
        at: Duration,
        mut bytes: &[u8],
        mut take: impl FnMut(Piece<'_>),
    ) -> Result<(), Malformed> {
        while !bytes.is_empty() {
            let used = match &mut self.expects {
                Expects::Head(begun) => {
                    let Some(parsed) = parse(begun, bytes, at)? else { return Ok(()) };
                    (self.expects, self.reusable) = (parsed.expects, parsed.reusable);
                    parsed.head.into_iter().for_each(|(head, lines)| take(Piece::Head(head, lines)));
                    parsed.used
                }
                Expects::Counted(left) => {
                    let used = fitting(*left, bytes);
                    take(Piece::Body(&bytes[..used]));
                    *left -= used as u64;
                    if *left == 0 {
                        self.expects = Expects::Nothing;
                    }
                    used
                }
                Expects::Chunks(chunks) => {
                    let used = chunks.push(bytes, &mut take)?;
                    if chunks.part == Part::Over {
                        self.expects = Expects::Nothing;
                    }
                    used
                }
                Expects::Close => {
                    take(Piece::Body(bytes));
                    bytes.len()
                }
                // Nobody asked for it, and what follows would be taken for the next reply.
                Expects::Nothing => {
                    self.reusable = false;
                    bytes.len()
                }
            };
            bytes = &bytes[used..];
        }
        Ok(())
    }

    /// The connection was closed.
    ///
    /// # Errors
    /// If that cut the reply off.
    pub(super) fn end(&mut self) -> Result<(), Malformed> {
        self.reusable = false;
        match &self.expects {
            Expects::Close | Expects::Nothing => {
                self.expects = Expects::Nothing;
                Ok(())
            }
            // Where it is none, that tells more than that it has no end.
            Expects::Head(begun) => head(begun, 0, Duration::ZERO).and(Err(Malformed::Ended)),
            Expects::Counted(_) | Expects::Chunks(_) => Err(Malformed::Ended),
        }
    }

    /// Whether the whole reply has come.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.expects, Expects::Nothing)
    }

    /// Whether the connection can be used again after the reply.
    pub(super) fn is_reusable(&self) -> bool {
        self.reusable && self.is_over()
    }
}

/// How many of these bytes are among the next so many.
fn fitting(left: u64, bytes: &[u8]) -> usize {
    usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()))
}

/// A head, and what follows.
struct Parsed {
    /// None of an interim reply.
    head: Option<(Head, Lines)>,
    /// Bytes that it took of those that came last.
    used: usize,
    expects: Expects,
    reusable: bool,
}

/// Looks for a head in what had come before and what has come now; without one, all of it is what had come before.
fn parse(begun: &mut Vec<u8>, bytes: &[u8], at: Duration) -> Result<Option<Parsed>, Malformed> {
    let before = begun.len();
    if before > 0 {
        begun.extend_from_slice(bytes);
    }
    let all = if before > 0 { begun.as_slice() } else { bytes };
    // It ends with a line, so that one that comes byte by byte is not read again for each.
    let parsed = if before < TELLING || bytes.contains(&b'\n') { head(all, before, at)? } else { None };
    if parsed.is_some() {
        return Ok(parsed);
    }
    if before == 0 {
        begun.extend_from_slice(bytes);
    }
    // They may stand before a reply, and nor is a flood of those read again.
    begun.drain(..empty_lines(begun));
    if begun.len() > LONGEST_HEAD { Err(Malformed::LongHead) } else { Ok(None) }
}

/// Length of the empty lines that these bytes begin with.
fn empty_lines(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    while let Some(next) = rest.strip_prefix(b"\r\n").or_else(|| rest.strip_prefix(b"\n")) {
        rest = next;
    }
    bytes.len() - rest.len()
}

fn head(bytes: &[u8], before: usize, at: Duration) -> Result<Option<Parsed>, Malformed> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let mut config = httparse::ParserConfig::default();
    config.allow_obsolete_multiline_headers_in_responses(true);
    let length = match config.parse_response(&mut response, bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(Malformed::LongHead),
        Err(error) => return Err(Malformed::Head(error)),
    };
    let used = length - before;
    let status = response.code.filter(|code| *code >= 100).ok_or(Malformed::Head(httparse::Error::Status))?;
    // Another head follows (RFC 9110, section 15.2), unless the protocol is another from here on.
    if (100..200).contains(&status) && status != 101 {
        return Ok(Some(Parsed { head: None, used, expects: Expects::Head(Vec::new()), reusable: true }));
    }
    let newest = response.version == Some(1);
    let is_folded = |header: &httparse::Header<'_>| header.value.iter().copied().any(is_line_end);
    let lines = if response.headers.iter().any(is_folded) { Lines::Folded } else { Lines::Whole };
    let headers = response.headers.iter().map(|header| (header.name, unfolded(header.value))).collect();
    let head = Head { at, status, version: if newest { "HTTP/1.1" } else { "HTTP/1.0" }, headers };
    let expects = body(&head, newest)?;
    let reusable = status != 101 && !matches!(expects, Expects::Close) && keeps_alive(&head, newest);
    Ok(Some(Parsed { head: Some((head, lines)), used, expects, reusable }))
}

fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

/// A value with a space for each byte of a line end in it.
fn unfolded(value: &[u8]) -> Cow<'_, [u8]> {
    if value.iter().copied().any(is_line_end) {
        value.iter().map(|byte| if is_line_end(*byte) { b' ' } else { *byte }).collect::<Vec<u8>>().into()
    } else {
        value.into()
    }
}

/// How the end of the body is told (RFC 9112, section 6.3).
fn body(head: &Head, newest: bool) -> Result<Expects, Malformed> {
    if let 101 | 204 | 304 = head.status {
        return Ok(Expects::Nothing);
    }
    if let Some(last) = values(head, "transfer-encoding").last() {
        if !newest {
            return Err(Malformed::Length("a reply of HTTP/1.0 has Transfer-Encoding"));
        }
        let chunked = last.eq_ignore_ascii_case("chunked");
        return Ok(if chunked { Expects::Chunks(Chunks::default()) } else { Expects::Close });
    }
    let mut length = None;
    for value in values(head, "content-length") {
        let number = Some(value).filter(|value| value.bytes().all(|byte| byte.is_ascii_digit()));
        let number =
            number.and_then(|value| value.parse::<u64>().ok()).ok_or(Malformed::Length("no Content-Length"))?;
        if *length.get_or_insert(number) != number {
            return Err(Malformed::Length("two Content-Lengths"));
        }
    }
    Ok(match length {
        Some(0) => Expects::Nothing,
        Some(length) => Expects::Counted(length),
        None => Expects::Close,
    })
}

fn keeps_alive(head: &Head, newest: bool) -> bool {
    let says = |wanted: &str| values(head, "connection").any(|value| value.eq_ignore_ascii_case(wanted));
    !says("close") && (newest || says("keep-alive"))
}

/// The values of a header that is a list, wherever they stand.
fn values<'h>(head: &'h Head, name: &'h str) -> impl Iterator<Item = &'h str> {
    let lists = head.headers.iter().filter(move |(own, _)| *own == name);
    lists.flat_map(|(_, list)| list.split(',')).map(|value| value.trim_matches([' ', '\t']))
}

/// Takes a chunked body apart (RFC 9112, section 7.1).
#[derive(Debug, Default)]
struct Chunks {
    part: Part,
    /// Bytes to come of the chunk.
    left: u64,
    /// Bytes of its size so far.
    size: usize,
    /// Bytes of extensions so far.
    extensions: usize,
    trailers: Vec<u8>,
}

/// What comes next of it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The first digit of a size.
    #[default]
    Size,
    Digits,
    /// White space behind a size.
    Space,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    /// A trailer, or the end.
    Line,
    Trailer,
    TrailerLf,
    LastLf,
    Over,
}

impl Chunks {
    /// Returns how many bytes belong to it.
    fn push(&mut self, bytes: &[u8], take: &mut impl FnMut(Piece<'_>)) -> Result<usize, Malformed> {
        let mut used = 0;
        while used < bytes.len() && self.part != Part::Over {
            if self.part == Part::Data {
                let length = fitting(self.left, &bytes[used..]);
                take(Piece::Body(&bytes[used..used + length]));
                self.left -= length as u64;
                used += length;
                if self.left == 0 {
                    self.part = Part::DataCr;
                }
            } else {
                self.part = self.after(bytes[used])?;
                used += 1;
            }
        }
        Ok(used)
    }

    /// What comes after a byte that is no data.
    fn after(&mut self, byte: u8) -> Result<Part, Malformed> {
        self.size = if self.part == Part::Size { 0 } else { self.size.saturating_add(1) };
        Ok(match (self.part, byte) {
            (Part::Digits | Part::Space, _) if self.size > LONGEST_SIZE => {
                return Err(Malformed::Chunk("a size without end"));
            }
            (Part::Size | Part::Digits, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                let digit = char::from(byte).to_digit(16).unwrap_or_default();
                let longer = self.left.checked_mul(16).and_then(|size| size.checked_add(digit.into()));
                self.left = longer.ok_or(Malformed::Chunk("a size beyond all bounds"))?;
                Part::Digits
            }
            (Part::Digits | Part::Space, b' ' | b'\t') => Part::Space,
            (Part::Digits | Part::Space, b';') => Part::Extension,
            (Part::Digits | Part::Space | Part::Extension, b'\r') => Part::SizeLf,
            (Part::Size | Part::Digits | Part::Space, _) => return Err(Malformed::Chunk("no size")),
            (Part::Extension, b'\n') => return Err(Malformed::Chunk("an extension that breaks its line")),
            (Part::Extension, _) if self.extensions < LONGEST_EXTRAS => {
                self.extensions += 1;
                Part::Extension
            }
            (Part::Extension, _) => return Err(Malformed::Chunk("extensions without end")),
            (Part::SizeLf, b'\n') if self.left == 0 => Part::Line,
            (Part::SizeLf, b'\n') => Part::Data,
            (Part::DataCr, b'\r') => Part::DataLf,
            (Part::DataLf, b'\n') => Part::Size,
            (Part::Line, b'\r') => self.trailer(byte, Part::LastLf)?,
            (Part::Trailer, b'\r') => self.trailer(byte, Part::TrailerLf)?,
            (Part::Line | Part::Trailer, _) => self.trailer(byte, Part::Trailer)?,
            (Part::TrailerLf, b'\n') => self.trailer(byte, Part::Line)?,
            (Part::LastLf, b'\n') => self.trailer(byte, Part::Over)?,
            (Part::DataCr | Part::DataLf, _) => return Err(Malformed::Chunk("more data than its size says")),
            (Part::SizeLf | Part::TrailerLf | Part::LastLf, _) => {
                return Err(Malformed::Chunk("a line that ends in CR without LF"));
            }
            (Part::Data | Part::Over, _) => self.part,
        })
    }

    /// Keeps a byte of the trailers, the line that ends them included.
    fn trailer(&mut self, byte: u8, then: Part) -> Result<Part, Malformed> {
        if self.trailers.len() >= LONGEST_EXTRAS {
            return Err(Malformed::Chunk("trailers without end"));
        }
        self.trailers.push(byte);
        let are_headers = |bytes: &[u8]| {
            let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
            let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
            lines.all(|line| line.ends_with(b"\r\n")) && httparse::parse_headers(bytes, &mut headers).is_ok()
        };
        let wrong = then == Part::Over && !are_headers(&self.trailers);
        if wrong { Err(Malformed::Chunk("trailers that are no headers")) } else { Ok(then) }
    }
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
