//! Whether a stream has said `[DONE]`, by its last bytes alone: cheap enough for the time between due and last byte.

use crate::wire::api::finish::DONE;

/// So many bytes at the end tell.
pub const TAIL: usize = 32;

/// Whether bytes end with a whole event whose data is `[DONE]`, in any of the line endings of server-sent events; these
/// are the last bytes of a body, all of them or at least [`TAIL`].
pub fn ends_in_done(tail: &[u8]) -> bool {
    let Some(b'\n' | b'\r') = tail.last() else { return false };
    let text = tail.trim_ascii_end();
    let Some(line) = text.strip_suffix(DONE) else { return false };
    if !ends_a_line_twice(&tail[text.len()..]) {
        return false;
    }
    let Some(before) = line.trim_ascii_end().strip_suffix(b"data:") else { return false };
    before.last().is_none_or(|byte| matches!(byte, b'\n' | b'\r')) || before == BOM
}

const BOM: &[u8] = b"\xef\xbb\xbf";

/// Whether these bytes end a line, and the blank one behind it.
fn ends_a_line_twice(bytes: &[u8]) -> bool {
    let blank = bytes.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    without_end(&bytes[blank..]).and_then(without_end).is_some()
}

/// What comes behind the end of a line.
fn without_end(bytes: &[u8]) -> Option<&[u8]> {
    match bytes {
        [b'\r', b'\n', rest @ ..] | [b'\r' | b'\n', rest @ ..] => Some(rest),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn done_is_seen_in_every_line_ending() {
        for end in ["\n\n", "\r\n\r\n", "\r\r", "\r\n\n", "\n\r\n", " \n\n"] {
            for line in ["data: [DONE]", "data:[DONE]", "data:  [DONE]"] {
                for before in ["", "\n", "data: {}\r\r", "\u{feff}", "event: x\n"] {
                    let text = format!("{before}{line}{end}");
                    assert!(ends_in_done(text.as_bytes()), "{text:?}");
                }
            }
        }
    }

    #[test]
    fn what_a_client_takes_for_no_done_is_none() {
        for text in [
            "data: [DONE]\n",
            "data: [DONE]\r\n",
            "data: [DONE]\n \n",
            "[DONE]\n\n",
            ": data: [DONE]\n\n",
            "xdata: [DONE]\n\n",
            "data: [DONE]]\n\n",
            "data: [DONE]\n\ndata: {}\n\n",
            "data: [DONE]",
            "",
            "\n\n",
        ] {
            assert!(!ends_in_done(text.as_bytes()), "{text:?}");
        }
    }
}
