//! gzip (RFC 1952) and deflate, which is zlib's format (RFC 1950) or, of servers that mistake the name, bare deflate data.

use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::room::{Fault, Room, Stage};

/// Bytes that are decoded at once.
const STEP: usize = 16 << 10;
/// Bytes of a gzip header at most: names and comments of files have no business in a reply.
const LONGEST_HEADER: usize = 64 << 10;
/// Checksum and length behind a gzip member.
const TRAILER: usize = 8;
const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];

/// Decodes deflate data. Returns how many bytes it took, and whether the data came to its end.
fn inflate(state: &mut Decompress, input: &[u8], room: &mut Room) -> Result<(usize, bool), Fault> {
    let mut step = [0; STEP];
    let mut used = 0;
    loop {
        let before = (state.total_in(), state.total_out());
        let status = state
            .decompress(&input[used..], &mut step, FlushDecompress::None)
            .map_err(|error| Fault::Broken(error.to_string()))?;
        let (read, made) = (state.total_in() - before.0, state.total_out() - before.1);
        let [read, made] = [read, made].map(|count| usize::try_from(count).unwrap_or(usize::MAX));
        used += read;
        room.put(&step[..made])?;
        match status {
            Status::StreamEnd => return Ok((used, true)),
            Status::Ok | Status::BufError if read == 0 && made == 0 => return Ok((used, false)),
            Status::Ok | Status::BufError => {}
        }
    }
}

/// A sequence of gzip members.
#[derive(Debug)]
pub(super) struct Gzip {
    part: Part,
    /// What came so far of a header or a trailer.
    kept: Vec<u8>,
    state: Decompress,
    sum: Crc,
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    Header,
    Data,
    Trailer,
    /// Another member, or bytes that every reader passes over.
    Over,
}

impl Gzip {
    pub(super) fn new() -> Gzip {
        Gzip { part: Part::Header, kept: Vec::new(), state: Decompress::new(false), sum: Crc::new() }
    }

    /// Takes bytes of the part that comes next, and returns how many.
    fn step(&mut self, input: &[u8], room: &mut Room) -> Result<usize, Fault> {
        match self.part {
            Part::Header => {
                let before = self.kept.len();
                let room = input.len().min(LONGEST_HEADER - before);
                self.kept.extend_from_slice(&input[..room]);
                let Some(length) = header_length(&self.kept)? else { return Ok(room) };
                self.kept.clear();
                self.part = Part::Data;
                Ok(length - before)
            }
            Part::Data => {
                let before = room.bytes.len();
                let inflated = inflate(&mut self.state, input, room);
                self.sum.update(&room.bytes[before..]);
                let (used, ended) = inflated?;
                if ended {
                    self.part = Part::Trailer;
                }
                Ok(used)
            }
            Part::Trailer => {
                let used = (TRAILER - self.kept.len()).min(input.len());
                self.kept.extend_from_slice(&input[..used]);
                if self.kept.len() == TRAILER {
                    if self.kept[..4] != self.sum.sum().to_le_bytes()
                        || self.kept[4..] != self.sum.amount().to_le_bytes()
                    {
                        return Err(Fault::Broken("its checksum is another".to_owned()));
                    }
                    self.part = Part::Over;
                }
                Ok(used)
            }
            Part::Over => {
                if input[0] == MAGIC[0] {
                    *self = Gzip::new();
                    return Ok(0);
                }
                Ok(input.len())
            }
        }
    }
}

impl Stage for Gzip {
    fn push(&mut self, mut input: &[u8], room: &mut Room) -> Result<(), Fault> {
        while !input.is_empty() {
            input = &input[self.step(input, room)?..];
        }
        Ok(())
    }

    fn is_whole(&self) -> bool {
        self.part == Part::Over
    }
}

/// Length of the header of a member, once all of it has come.
fn header_length(bytes: &[u8]) -> Result<Option<usize>, Fault> {
    let known = bytes.len().min(MAGIC.len());
    if bytes[..known] != MAGIC[..known] {
        return Err(Fault::Broken("it has no gzip header".to_owned()));
    }
    match length_of(bytes) {
        None if bytes.len() >= LONGEST_HEADER => Err(Fault::Broken("its gzip header has no end".to_owned())),
        length => Ok(length),
    }
}

/// Length of a header by its flags and the fields that these announce.
fn length_of(bytes: &[u8]) -> Option<usize> {
    let flags = bytes.get(3)?;
    let has = |bit: u8| flags & bit > 0;
    let mut length = 10;
    if has(4) {
        let size = bytes.get(10..12)?;
        length = 12 + usize::from(u16::from_le_bytes([size[0], size[1]]));
    }
    for _ in [8, 16].into_iter().filter(|bit| has(*bit)) {
        length += memchr::memchr(0, bytes.get(length..)?)? + 1;
    }
    length += if has(2) { 2 } else { 0 };
    (bytes.len() >= length).then_some(length)
}

/// Deflate data, in zlib's format or bare.
#[derive(Debug)]
pub(super) enum Deflate {
    /// Too little came to tell which.
    Begun(Vec<u8>),
    Data(Decompress),
    Over,
}

impl Deflate {
    pub(super) fn new() -> Deflate {
        Deflate::Begun(Vec::new())
    }
}

/// Whether data begins as zlib's does: method 8, and a check that makes the first two bytes a multiple of 31.
fn is_zlib(first: u8, second: u8) -> bool {
    first & 0x0f == 8 && u16::from_be_bytes([first, second]).is_multiple_of(31)
}

impl Stage for Deflate {
    fn push(&mut self, input: &[u8], room: &mut Room) -> Result<(), Fault> {
        match self {
            Deflate::Begun(begun) => {
                begun.extend_from_slice(input);
                let [first, second, ..] = begun[..] else { return Ok(()) };
                let begun = std::mem::take(begun);
                *self = Deflate::Data(Decompress::new(is_zlib(first, second)));
                self.push(&begun, room)
            }
            Deflate::Data(state) => {
                if inflate(state, input, room)?.1 {
                    *self = Deflate::Over;
                }
                Ok(())
            }
            Deflate::Over => Ok(()),
        }
    }

    fn is_whole(&self) -> bool {
        matches!(self, Deflate::Over)
    }
}
