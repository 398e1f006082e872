"""What a reply says: its text piece by piece with the instants at which it came, and how it ends."""

import json
from bisect import bisect_left
from dataclasses import dataclass, field

from sse import events

TEXTS = ("content", "refusal")
# Outcomes that the connection, the client or the clock decides, whatever the content says.
OF_TRANSPORT = {"connect", "tls", "protocol", "timeout", "reset", "too_large", "unfinished", "missed", "unsent"}


@dataclass
class Mark:
    """A piece of content of one choice, with the arrival that brought it."""

    choice: int
    arrival: int
    at: int
    visible: bool
    reasoning: bool
    characters: int


@dataclass
class Reply:
    """A reply, read."""

    kind: str  # stream, whole or nothing
    marks: list[Mark] = field(default_factory=list)
    # Chunks of a stream, or the one body, each with the instant at which it came.
    chunks: list[tuple[int, object]] = field(default_factory=list)
    choices: set[int] = field(default_factory=set)
    shows_reasoning: bool = False
    characters: int = 0
    # What the content says of the outcome: its name and class.
    content: tuple[str, str | None] | None = None


def read(line: dict, asked: dict, dialect: str) -> Reply:
    """The reply of a line of the journal to a request."""
    if line["head_us"] is None or line["unjudged"]:
        return Reply("nothing", content=("unjudged", None) if line["unjudged"] else None)
    body = line["reply"].encode()
    arrivals = line["arrivals"]
    if (arrivals[-1][1] if arrivals else 0) != len(body):
        raise ValueError(f"request {line['seq']}: arrivals end at {arrivals[-1:]}, the reply has {len(body)} bytes")
    if asked.get("stream") and 200 <= line["status"] < 300:
        seen = events(body)
        if seen or not body:
            return stream(seen, arrivals, asked.get("n") or 1, dialect)
    return whole(body, line["ended_us"], bool(asked.get("stream")), dialect)


def parsed(text: bytes) -> object:
    """One JSON value; raises ValueError where it is none."""

    def never(constant: str) -> None:
        raise ValueError(f"{constant} is no JSON")

    return json.loads(text.decode(), parse_constant=never)


def stream(seen: list, arrivals: list, n: int, dialect: str) -> Reply:
    """A stream of events, in the order in which they came."""
    reply = Reply("stream")
    ends = [end for _, end in arrivals]
    finished, fault = set(), None
    for event in seen:
        arrival = bisect_left(ends, event.end)
        data = event.data.strip(b" \t\n\r\x0c")
        if data == b"[DONE]":
            continue
        if not data and event.name != "error":
            continue
        try:
            chunk = parsed(data)
        except ValueError:
            fault = fault or (("inband_error", None) if event.name == "error" else ("malformed", "bad_event"))
            continue
        if event.name == "error" or has_error(chunk, whole=False, named=event.name not in ("", "message")):
            fault = fault or ("inband_error", None)
            continue
        if metadata_error(chunk, dialect):
            fault = fault or ("inband_error", None)
        if generation_failed(chunk):
            fault = fault or ("inband_error", "generation_failed")
        reply.chunks.append((arrivals[arrival][0], chunk))
        finished |= {index(piece) for piece in choices(chunk) if piece.get("finish_reason") is not None}
        add_marks(reply, chunk, arrival, arrivals[arrival][0])
    reply.content = fault or ending(seen, finished, n)
    return reply


def ending(seen: list, finished: set[int], n: int) -> tuple[str, str | None]:
    """How a stream without a fault ended."""
    if not seen:
        return "truncated", "empty"
    if not finished >= set(range(n)):
        return "truncated", "no_finish"
    return "ok", None


def add_marks(reply: Reply, chunk: object, arrival: int, at: int) -> None:
    for piece in choices(chunk):
        reply.choices.add(index(piece))
        delta = piece.get("delta")
        if not isinstance(delta, dict):
            continue
        visible, thought = is_visible(delta), reasoning(delta)
        reply.shows_reasoning |= bool(thought)
        if visible or thought:
            characters = sum(map(len, texts(delta)))
            reply.characters += characters
            reply.marks.append(Mark(index(piece), arrival, at, visible, bool(thought), characters))


def whole(body: bytes, ended: int, asked_stream: bool, dialect: str) -> Reply:
    """A reply that is one body."""
    reply = Reply("whole")
    try:
        value = parsed(body)
    except ValueError:
        reply.content = ("malformed", "not_sse" if asked_stream else "not_json")
        return reply
    reply.chunks.append((ended, value))
    for piece in choices(value):
        message = piece.get("message")
        message = message if isinstance(message, dict) else {}
        reply.choices.add(index(piece))
        reply.shows_reasoning |= bool(reasoning(message))
        reply.characters += sum(map(len, texts(message)))
    if has_error(value) or not asked_stream and metadata_error(value, dialect):
        reply.content = ("inband_error", None)
    elif asked_stream:
        reply.content = ("malformed", "not_sse")
    elif generation_failed(value):
        reply.content = ("inband_error", "generation_failed")
    else:
        reply.content = ("ok", None) if isinstance(value, dict) else ("malformed", "not_json")
    return reply


def choices(chunk: object) -> list[dict]:
    found = chunk.get("choices") if isinstance(chunk, dict) else None
    return [piece for piece in found if isinstance(piece, dict)] if isinstance(found, list) else []


def index(piece: dict) -> int:
    at = piece.get("index")
    return at if isinstance(at, int) and at >= 0 else 0


def filled(delta: dict, name: str) -> str:
    text = delta.get(name)
    return text if isinstance(text, str) else ""


def reasoning(delta: dict) -> str:
    return filled(delta, "reasoning_content") or filled(delta, "reasoning")


def calls(delta: dict) -> list[dict]:
    found = delta.get("tool_calls")
    found = [found] if isinstance(found, dict) else found
    return [call for call in found if isinstance(call, dict)] if isinstance(found, list) else []


def parts(delta: dict) -> str:
    """The text of content that is a list of parts."""
    content = delta.get("content")
    return "".join(filled(part, "text") for part in content if isinstance(part, dict)) if isinstance(content, list) else ""


def is_visible(delta: dict) -> bool:
    """Whether a user sees it or a program uses it: content, a refusal, a piece of a call."""
    called = [delta.get("tool_calls"), delta.get("function_call")]
    return bool(parts(delta)) or any(filled(delta, name) for name in TEXTS) or any(
        isinstance(call, dict) or isinstance(call, list) and call for call in called
    )


def texts(delta: dict) -> list[str]:
    """Every text that a delta or a message adds."""
    found = [filled(delta, name) for name in TEXTS] + [reasoning(delta), parts(delta)]
    for call in [*calls(delta), {"function": delta.get("function_call")}]:
        function, custom = call.get("function"), call.get("custom")
        if isinstance(function, dict):
            found += [filled(function, "name"), filled(function, "arguments")]
        elif isinstance(custom, dict):
            found += [filled(custom, "name"), filled(custom, "input")]
    return found


def outcome(status: int, reply: Reply) -> tuple[str, str | None]:
    """Outcome and class of a reply that came to its proper end."""
    if 200 <= status < 300:
        return reply.content or ("ok", None)
    if status == 429:
        return "rate_limited", None
    return {3: "redirect", 4: "refused"}.get(status // 100, "server_error"), None


def has_error(value: object, whole: bool = True, named: bool = False) -> bool:
    """Whether it is an error, in the shapes that the quirks have: an error member, an object or a list of such."""
    if isinstance(value, list):
        return any(isinstance(item, dict) and has_error(item, whole, named) for item in value)
    if not isinstance(value, dict):
        return False
    answers, error = bool(choices(value)), value.get("error")
    if says_something(error) if whole and answers else error or isinstance(error, (dict, list)):
        return True
    if answers or named:
        return any(says_something(piece.get("error")) for piece in choices(value))
    failed = value.get("object") == "error" or value.get("type") == "error" or value.get("success") is False
    coded = value.get("code") not in (None, 0, "", "0", 200, "200") and bool(filled(value, "message"))
    return failed or coded or any(says_something(value.get(name)) for name in ("detail", "errors"))


def says_something(value: object) -> bool:
    if isinstance(value, dict):
        return any(map(says_something, value.values()))
    return any(map(says_something, value)) if isinstance(value, list) else bool(value)


FAILED = {"error", "abort", "network_error", "insufficient_system_resource", "malformed_function_call"}


def generation_failed(value: object) -> bool:
    """Whether a finish reason says so."""
    return any(str(piece.get("finish_reason")).lower() in FAILED for piece in choices(value))


def metadata_error(value: object, dialect: str) -> bool:
    """Pulze's error inside a success."""
    metadata = value.get("metadata") if isinstance(value, dict) and dialect == "pulze" else None
    if not isinstance(metadata, dict):
        return False
    status = metadata.get("status_code")
    return bool(filled(metadata, "error")) or isinstance(status, int) and status >= 400
