//! A text in one form, whatever it was escaped by: JSON (RFC 8259, section 7), JSON pointers (RFC 6901, section 3),
//! percent-encoding (RFC 3986, section 2.1), or character references of HTML. So a secret is found however a server wrote it, and the place of each byte is known.

/// How often escapes are resolved: JSON within JSON within a query string is the deepest that servers make.
const DEEPEST: usize = 3;

/// Named character references that servers write when they escape a text for HTML.
const NAMED: [(&[u8], u8); 5] = [(b"amp", b'&'), (b"lt", b'<'), (b"gt", b'>'), (b"quot", b'"'), (b"apos", b'\'')];
/// Longest character reference, `&#x10FFFF;`.
const REFERENCE: usize = 10;

/// A text whose escapes are resolved, and where each of its bytes was before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Folded {
    pub(super) bytes: Vec<u8>,
    /// For each byte the span that it came from.
    pub(super) spans: Vec<(usize, usize)>,
}

/// The text with its escapes resolved once, then again, as long as that changes it.
pub(super) fn foldings(text: &[u8]) -> Vec<Folded> {
    let mut foldings: Vec<Folded> = Vec::new();
    for _ in 0..DEEPEST {
        let before = foldings.last().map_or(text, |folded| &folded.bytes);
        if !is_escaped(before) {
            break;
        }
        let Folded { bytes, spans } = fold(before);
        if bytes.len() == before.len() {
            break;
        }
        let spans = match foldings.last() {
            Some(last) => spans.into_iter().map(|(start, end)| (last.spans[start].0, last.spans[end - 1].1)).collect(),
            None => spans,
        };
        foldings.push(Folded { bytes, spans });
    }
    foldings
}

/// Whether there is anything to resolve.
fn is_escaped(text: &[u8]) -> bool {
    memchr::memchr3(b'\\', b'%', b'&', text).is_some() || memchr::memchr(b'~', text).is_some()
}

fn fold(text: &[u8]) -> Folded {
    let mut folded = Folded { bytes: Vec::with_capacity(text.len()), spans: Vec::with_capacity(text.len()) };
    let mut at = 0;
    while at < text.len() {
        let (decoded, length) = match text[at] {
            b'\\' => of_json(&text[at..]),
            b'%' => of_percent(&text[at..]),
            b'&' => of_html(&text[at..]),
            b'~' => of_pointer(&text[at..]),
            _ => None,
        }
        .unwrap_or_else(|| (Decoded::Byte(text[at]), 1));
        decoded.push(&mut folded, (at, at + length));
        at += length;
    }
    folded
}

/// The result of resolving an escape.
enum Decoded {
    Byte(u8),
    Char(char),
}

impl Decoded {
    fn push(&self, folded: &mut Folded, span: (usize, usize)) {
        let mut buffer = [0; 4];
        let bytes = match self {
            Decoded::Byte(byte) => std::slice::from_ref(byte),
            Decoded::Char(c) => c.encode_utf8(&mut buffer).as_bytes(),
        };
        folded.bytes.extend_from_slice(bytes);
        folded.spans.extend(bytes.iter().map(|_| span));
    }
}

fn of_json(text: &[u8]) -> Option<(Decoded, usize)> {
    let byte = |byte| Some((Decoded::Byte(byte), 2));
    match text.get(1)? {
        b'u' => of_unit(text),
        b'n' => byte(b'\n'),
        b't' => byte(b'\t'),
        b'r' => byte(b'\r'),
        plain @ (b'"' | b'\\' | b'/') => byte(*plain),
        _ => None,
    }
}

/// `\uXXXX`, or two of them that are a surrogate pair.
fn of_unit(text: &[u8]) -> Option<(Decoded, usize)> {
    let unit = |at: usize| {
        let is_unit = text.get(at..at + 2)? == br"\u";
        u16::try_from(hex(text.get(at + 2..at + 6)?)?).ok().filter(|_| is_unit)
    };
    let first = unit(0)?;
    if let Some(c) = char::from_u32(u32::from(first)) {
        return Some((Decoded::Char(c), 6));
    }
    let pair = char::decode_utf16([first, unit(6)?]).next()?.ok()?;
    Some((Decoded::Char(pair), 12))
}

fn of_percent(text: &[u8]) -> Option<(Decoded, usize)> {
    let byte = u8::try_from(hex(text.get(1..3)?)?).ok()?;
    Some((Decoded::Byte(byte), 3))
}

fn of_pointer(text: &[u8]) -> Option<(Decoded, usize)> {
    match text.get(1)? {
        b'0' => Some((Decoded::Byte(b'~'), 2)),
        b'1' => Some((Decoded::Byte(b'/'), 2)),
        _ => None,
    }
}

fn of_html(text: &[u8]) -> Option<(Decoded, usize)> {
    let end = text.iter().take(REFERENCE).position(|byte| *byte == b';')?;
    let name = &text[1..end];
    let number = match name {
        [b'#', b'x' | b'X', digits @ ..] => hex(digits),
        [b'#', digits @ ..] => std::str::from_utf8(digits).ok()?.parse().ok(),
        _ => NAMED.iter().find(|(known, _)| *known == name).map(|(_, byte)| u32::from(*byte)),
    };
    Some((Decoded::Char(char::from_u32(number?)?), end + 1))
}

/// The number that hexadecimal digits are.
fn hex(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn deepest(text: &str) -> String {
        let folded = foldings(text.as_bytes()).pop().map_or_else(|| text.as_bytes().to_vec(), |folded| folded.bytes);
        String::from_utf8_lossy(&folded).into_owned()
    }

    #[test]
    fn escapes_are_resolved_whatever_made_them() {
        for (text, plain) in [
            ("plain", "plain"),
            (r"a\/b", "a/b"),
            (r"\u0061\u002Fb\u00e9", "a/bé"),
            (r"\ud83d\ude00!", "😀!"),
            (r"\ud83d!", r"\ud83d!"),
            ("a%2Fb%40", "a/b@"),
            ("a%252Fb", "a/b"),
            ("&lt;a&#x2F;b&#47;&amp;c", "<a/b/&c"),
            (r#"{\"a\":\"\\u0062\\\/\"}"#, r#"{"a":"b/"}"#),
            (r"C:\dir 100% &c &;", r"C:\dir 100% &c &;"),
            ("%zz%4", "%zz%4"),
            ("/a~1b~0c~", "/a/b~c~"),
        ] {
            assert_eq!(deepest(text), plain, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_byte_knows_where_it_was(text in r#"[a-b\\u0-9%&#;x/~"]{0,40}"#) {
            for folded in foldings(text.as_bytes()) {
                prop_assert_eq!(folded.bytes.len(), folded.spans.len());
                let mut last = (0, 0);
                for (start, end) in folded.spans {
                    prop_assert!(start < end && end <= text.len());
                    prop_assert!((start, end) == last || start >= last.1, "{:?} after {:?}", (start, end), last);
                    last = (start, end);
                }
            }
        }
    }
}
