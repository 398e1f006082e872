//! Changes of bytes that need not know what they mean.

use super::random::Random;

/// Words of the language of a target.
pub(crate) type Words = &'static [&'static str];

/// Bytes at which parsers decide.
const TELLING: [u8; 16] = [0, 1, b'\t', b'\n', b'\r', b' ', b'"', b'0', b'9', b':', b'{', b'}', 0x7F, 0x80, 0xC3, 0xFF];
const NUMBERS: [&str; 10] =
    ["0", "-1", "1", "65536", "4294967296", "9007199254740993", "18446744073709551616", "1e400", "-0.0", "00"];
/// Longer inputs tell nothing more.
const LONGEST: usize = 1 << 18;

/// An input made from one by a few changes, some of them with parts of another.
pub(crate) fn changed(input: &[u8], other: &[u8], words: Words, random: &mut Random) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..=random.below(4) {
        change(&mut bytes, other, words, random);
    }
    bytes.truncate(LONGEST);
    bytes
}

fn change(bytes: &mut Vec<u8>, other: &[u8], words: Words, random: &mut Random) {
    let at = random.below(bytes.len() + 1);
    let end = at + random.length(bytes.len() - at);
    match random.below(12) {
        0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
        1 if at < bytes.len() => bytes[at] = *random.one_of(&TELLING),
        2 => bytes.insert(at, *random.one_of(&TELLING)),
        3 => drop(bytes.drain(at..end)),
        4 => bytes.truncate(at),
        5 => {
            let part = bytes[at..end].to_vec();
            insert(bytes, at, &part);
        }
        6 => {
            let from = random.below(other.len() + 1);
            let part = &other[from..from + random.length(other.len() - from)];
            insert(bytes, at, part);
        }
        7 => number(bytes, at, random),
        8 => {
            let line = lines(bytes);
            let part = random.one_of(&line).clone();
            insert(bytes, at, &part);
        }
        9 => {
            let mut lines = lines(bytes);
            let (a, b) = (random.below(lines.len()), random.below(lines.len()));
            if random.once_in(2) {
                lines.swap(a, b);
            } else {
                drop(lines.remove(a));
            }
            *bytes = lines.concat();
        }
        _ if !words.is_empty() => insert(bytes, at, random.one_of(words).as_bytes()),
        _ => bytes.insert(at, *random.one_of(&TELLING)),
    }
}

fn insert(bytes: &mut Vec<u8>, at: usize, part: &[u8]) {
    bytes.splice(at..at, part.iter().copied());
}

fn lines(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).chain([Vec::new()]).collect()
}

/// Puts another number in the place of the next one.
fn number(bytes: &mut Vec<u8>, from: usize, random: &mut Random) {
    let Some(at) = bytes[from..].iter().position(u8::is_ascii_digit).map(|at| from + at) else { return };
    let end = bytes[at..].iter().position(|byte| !byte.is_ascii_digit()).map_or(bytes.len(), |length| at + length);
    bytes.splice(at..end, random.one_of(&NUMBERS).bytes());
}
