//! Server-sent events: any cut of the bytes gives the same, and it is what a reader gives that has all of them at once.

use proofload::wire::sse::{Decoder, Event, Framing};

use crate::driver::{Way, fuzz};

#[test]
fn sse() {
    let words = &[
        "data: ",
        "data:",
        "event: x\n",
        "id: 1\n",
        "retry: 5\n",
        ": c\n",
        "\r\n",
        "\r",
        "\n\n",
        "\u{feff}",
        "[DONE]",
    ];
    fuzz("sse", Way::Bytes(words), run);
}

pub(crate) fn run(input: &[u8]) -> bool {
    let whole = decode([input]);
    assert_eq!(whole, decode(input.chunks(1)), "byte by byte");
    for cut in [1, 2, 3, 7, input.len() / 2, input.len().saturating_sub(1)] {
        assert_eq!(whole, decode(input.chunks(cut.max(1))), "in pieces of {cut}");
        let (head, tail) = input.split_at(cut.min(input.len()));
        assert_eq!(whole, decode([head, b"", tail]), "cut at {cut}");
    }
    assert_eq!(whole.0, slowly(input), "as the standard has it");
    let Framing { endings, .. } = whole.1;
    let lines = endings.lf + endings.crlf + endings.cr;
    assert_eq!(lines, split(input).len() as u64 - 1, "each line end is counted once");
    !whole.0.is_empty()
}

fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Event>, Framing) {
    let (mut decoder, mut events) = (Decoder::new(), Vec::new());
    for piece in pieces {
        decoder.push(piece, |event| events.push(event));
    }
    (events, decoder.finish())
}

/// The lines of a stream, by the three ways in which one ends; what follows the last end is the last.
fn split(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut lines = Vec::new();
    while let Some(end) = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n')) {
        lines.push(&bytes[..end]);
        let both = bytes[end..].starts_with(b"\r\n");
        bytes = &bytes[end + 1 + usize::from(both)..];
    }
    lines.push(bytes);
    lines
}

/// The events of a stream by the letter of the standard (HTML, section 9.2.6).
fn slowly(bytes: &[u8]) -> Vec<Event> {
    let mut lines = split(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes));
    // A line that does not end is none.
    lines.pop();
    let (mut events, mut name, mut data): (Vec<Event>, Vec<u8>, Vec<&[u8]>) = (Vec::new(), Vec::new(), Vec::new());
    for line in lines {
        if line.is_empty() {
            let (name, data) = (std::mem::take(&mut name), std::mem::take(&mut data));
            if !data.is_empty() {
                events.push(Event {
                    name,
                    data: data.join(&b'\n'),
                    lines: u32::try_from(data.len()).expect("few lines"),
                });
            }
            continue;
        }
        let colon = line.iter().position(|byte| *byte == b':');
        let (field, value) = colon.map_or((line, &b""[..]), |colon| (&line[..colon], &line[colon + 1..]));
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => data.push(value),
            b"event" => name = value.to_vec(),
            _ => {}
        }
    }
    events
}
