//! The texts of a stream, each joined over its events: `choices` / `delta` / `content` of one choice comes in pieces, and a
//! secret may lie across them.

use std::collections::BTreeMap;

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// How deep members lie in an event. What is deeper is left out.
const DEEPEST: usize = 64;

/// A text that came in several pieces.
#[derive(Debug)]
pub(super) struct Joined {
    pub(super) bytes: Vec<u8>,
    /// The place of each byte in the stream.
    pub(super) places: Vec<u32>,
}

/// A string in an event: what it belongs to, and its bytes without the quotes.
struct Piece {
    path: u64,
    span: (usize, usize),
}

/// The texts of a stream that come in several pieces; none where it is no stream of events.
pub(super) fn pieces(text: &[u8]) -> Vec<Joined> {
    let mut texts: BTreeMap<u64, Vec<(usize, usize)>> = BTreeMap::new();
    for (at, data) in data_lines(text) {
        let mut scanner = Scanner { text: data, at: 0, pieces: Vec::new() };
        scanner.value(0, 0);
        for Piece { path, span: (start, end) } in scanner.pieces {
            texts.entry(path).or_default().push((at + start, at + end));
        }
    }
    texts.into_values().filter(|spans| spans.len() > 1).map(|spans| joined(text, &spans)).collect()
}

fn joined(text: &[u8], spans: &[(usize, usize)]) -> Joined {
    let places = spans.iter().flat_map(|(start, end)| *start..*end);
    let bytes = places.clone().map(|at| text[at]).collect();
    // No reply is as long as 4 GiB: the longest that is read is `target.max_reply_bytes`.
    Joined { bytes, places: places.map(|at| u32::try_from(at).unwrap_or(u32::MAX)).collect() }
}

/// The text after `data:` of each line, with its place.
fn data_lines(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut at = 0;
    text.split_inclusive(|byte| *byte == b'\n').filter_map(move |line| {
        let start = at;
        at += line.len();
        Some((start + b"data:".len(), line.strip_prefix(b"data:")?))
    })
}

/// Reads JSON as far as strings are to be found in it. What is no JSON ends it; nothing fails.
struct Scanner<'t> {
    text: &'t [u8],
    at: usize,
    pieces: Vec<Piece>,
}

impl Scanner<'_> {
    /// Reads a value that lies on this path; the number that it is, where it is one.
    fn value(&mut self, path: u64, depth: usize) -> Option<u64> {
        self.skip_space();
        match self.text.get(self.at)? {
            b'"' => {
                let span = self.string()?;
                self.pieces.push(Piece { path, span });
                None
            }
            b'{' if depth < DEEPEST => self.object(path, depth),
            b'[' if depth < DEEPEST => self.array(path, depth),
            _ => self.plain(),
        }
    }

    /// Reads an object. Its texts belong to its `index`, where it has one: two choices are two texts.
    fn object(&mut self, path: u64, depth: usize) -> Option<u64> {
        let first = self.pieces.len();
        let mut index = None;
        self.at += 1;
        loop {
            self.skip_space();
            match self.text.get(self.at) {
                Some(b'"') => {}
                Some(b',') => {
                    self.at += 1;
                    continue;
                }
                Some(b'}') => {
                    self.at += 1;
                    break;
                }
                Some(_) | None => break,
            }
            let Some((start, end)) = self.string() else { break };
            let name = &self.text[start..end];
            self.skip_space();
            if self.text.get(self.at) != Some(&b':') {
                break;
            }
            self.at += 1;
            let number = self.value(xxh3_64_with_seed(name, path), depth + 1);
            if name == b"index" {
                index = number;
            }
        }
        if let Some(index) = index {
            let own = &mut self.pieces[first..];
            for piece in own {
                piece.path = xxh3_64_with_seed(&index.to_le_bytes(), piece.path);
            }
        }
        None
    }

    fn array(&mut self, path: u64, depth: usize) -> Option<u64> {
        self.at += 1;
        loop {
            self.skip_space();
            match self.text.get(self.at) {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return None;
                }
                Some(_) => {
                    let before = self.at;
                    self.value(path, depth + 1);
                    if self.at == before {
                        return None;
                    }
                }
                None => return None,
            }
        }
    }

    /// The bytes between the quotes of a string.
    fn string(&mut self) -> Option<(usize, usize)> {
        let start = self.at + 1;
        let mut at = start;
        loop {
            match self.text.get(at)? {
                b'"' => break,
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
        self.at = at + 1;
        Some((start, at))
    }

    /// Reads a number, `true`, `false`, `null`, or something that is not JSON.
    fn plain(&mut self) -> Option<u64> {
        let start = self.at;
        let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
        self.at += self.text[start..].iter().take_while(is_part).count();
        std::str::from_utf8(&self.text[start..self.at]).ok()?.parse().ok()
    }

    fn skip_space(&mut self) {
        self.at +=
            self.text[self.at.min(self.text.len())..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(stream: &str) -> Vec<String> {
        let mut texts: Vec<String> = pieces(stream.as_bytes())
            .into_iter()
            .map(|text| String::from_utf8_lossy(&text.bytes).into_owned())
            .collect();
        texts.sort();
        texts
    }

    #[test]
    fn texts_are_joined_over_events_each_choice_apart() {
        let stream = "data: {\"id\":\"a\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"He\"}},{\"delta\":{\"content\":\"Go\"},\"index\":1}]}\n\n\
                      : note\n\
                      data: {\"choices\":[{\"delta\":{\"content\":\"od\"},\"index\":1}]}\n\n\
                      data:{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"l\\\"lo\",\"x\":[1,null,{}]}}]}\r\n\r\n\
                      data: [DONE]\n\n";
        assert_eq!(texts(stream), ["Good", "Hel\\\"lo"]);
    }

    #[test]
    fn what_is_no_stream_has_no_pieces() {
        assert!(texts("{\"a\":\"b\",\"c\":\"d\"}").is_empty());
    }

    proptest! {
        #[test]
        fn nothing_is_read_beyond_the_text(stream in r#"(data:|[\[\]{}":,\\a1 \n]){0,60}"#) {
            for text in pieces(stream.as_bytes()) {
                prop_assert!(text.places.iter().all(|place| (*place as usize) < stream.len()));
            }
        }
    }
}
