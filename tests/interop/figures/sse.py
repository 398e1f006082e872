"""Server-sent events as the WHATWG HTML standard reads them (9.2.6), each with the byte that completes it."""

import re
from dataclasses import dataclass

LINE = re.compile(rb"([^\r\n]*)(\r\n|\r|\n)")
BOM = b"\xef\xbb\xbf"


@dataclass
class Event:
    """One event of a stream."""

    name: str
    data: bytes
    # Number of bytes of the body up to the one that completes the event: the first of its blank line's end.
    end: int


def events(body: bytes) -> list[Event]:
    """Every event that was completed; one without a line of data is none."""
    found: list[Event] = []
    name, data = b"", []
    start = len(BOM) if body.startswith(BOM) else 0
    for line in LINE.finditer(body, start):
        field, _, value = line[1].partition(b":")
        value = value.removeprefix(b" ")
        if not line[1]:
            if data:
                found.append(Event(name.decode(errors="replace"), b"\n".join(data), line.end(1) + 1))
            name, data = b"", []
        elif field == b"data":
            data.append(value)
        elif field == b"event":
            name = value
    return found
