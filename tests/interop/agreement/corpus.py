"""Documents to agree on: served, recorded, and both of these broken in every mechanical way."""

import copy
import json
import random
import re
from pathlib import Path

from endpoint import MODEL, Endpoint
from environment import ROOT

DIALECTS = ["pulze", "openai", "openai-strict"]
CAPTURES = ROOT / "tests" / "it" / "captures"
# The most broken documents of one schema: of those served in its dialect, and of all others. Which ones is drawn, the
# same every time.
MOST = 250

TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
TALK = {"model": MODEL, "messages": [{"role": "user", "content": "tell me about the river"}], "max_tokens": 12}
NAMED = {"type": "function", "function": {"name": "get_weather"}}
REQUESTS = [
    TALK,
    {**TALK, "temperature": 0.5, "n": 2, "stop": ["river", "sea"], "logit_bias": {"50256": -100}},
    {**TALK, "stream": True},
    {**TALK, "stream": True, "stream_options": {"include_usage": True}},
    {**TALK, "tools": [TOOL], "tool_choice": NAMED},
    {**TALK, "tools": [TOOL], "tool_choice": NAMED, "stream": True},
    {**TALK, "logprobs": True, "top_logprobs": 2},
    {**TALK, "logprobs": True, "top_logprobs": 2, "stream": True},
    {**TALK, "response_format": {"type": "json_object"}},
    {**TALK, "messages": [{"role": "user", "content": [{"type": "text", "text": "tell me"}]}]},
    {**TALK, "messages": [{"role": "tool", "content": "21", "tool_call_id": "call_1"}]},
    {**TALK, "temperature": 9.5},
    {**TALK, "model": "no-such-model"},
    {**TALK, "messages": "hello"},
]


def corpus() -> list[dict]:
    """Each document with the schema that it is held against."""
    found = [*served(), *recorded()]
    cases, seen = [], set()

    def add(schema: str, document: object) -> None:
        case = {"schema": schema, "document": document}
        line = json.dumps(case, sort_keys=True)
        if line not in seen:
            seen.add(line)
            cases.append(case)

    for dialect in DIALECTS:
        for kind in ["request", "response", "chunk", "error"]:
            own = shapes([document for source, of, document in found if of == kind and source == dialect])
            others = shapes([document for source, of, document in found if of == kind and source != dialect])
            for document in [*own, *others, *broken(own), *broken(others)]:
                add(f"{dialect}/{kind}", document)
    return cases


def broken(documents: list[object]) -> list[object]:
    """Some of the documents that differ from these in one place."""
    found = [bad for document in documents for bad in breaks(document)]
    random.Random(1).shuffle(found)
    return found[:MOST]


def shapes(documents: list[object]) -> list[object]:
    """One document of each shape: the chunks of a stream differ in a word only."""
    return list({json.dumps(shape(document)): document for document in documents}.values())


def shape(value: object) -> object:
    if isinstance(value, dict):
        return {name: shape(member) for name, member in sorted(value.items())}
    if isinstance(value, list):
        return [shape(item) for item in value[:2]]
    return type(value).__name__


def served() -> list[tuple[str, str, object]]:
    """What is sent to the endpoint in each dialect, and what it answers: source, kind, document."""
    found = []
    for dialect in DIALECTS:
        found += [(dialect, "request", request) for request in REQUESTS]
        with Endpoint(dialect) as endpoint:
            replies = [endpoint.post(request) for request in REQUESTS]
            replies += [endpoint.post(TALK, key=None), endpoint.post(b"{")]
        for status, content_type, body in replies:
            found += [(dialect, kind, document) for kind, document in documents_of(status, content_type, body)]
    return found


def recorded() -> list[tuple[str, str, object]]:
    """What servers that others wrote were sent and have said, byte for byte."""
    found = []
    for file in sorted(CAPTURES.glob("*.txt")):
        head, _, body = file.read_bytes().partition(b"\r\n\r\n")
        head = head.decode("latin-1").lower()
        if file.name.endswith(".req.txt"):
            found += [("recorded", "request", json.loads(body))] if is_json(body) else []
            continue
        if "transfer-encoding: chunked" in head:
            body = unchunked(body)
        media_type = re.search(r"content-type: ([^;\r\n]*)", head)
        replies = documents_of(int(head.split()[1]), media_type.group(1) if media_type else "", body)
        found += [("recorded", kind, document) for kind, document in replies]
    assert len(found) > 100, "the captures are not there"
    return found


def documents_of(status: int, content_type: str, body: bytes) -> list[tuple[str, object]]:
    """The JSON documents of a reply, each with its kind."""
    if content_type == "text/event-stream":
        data = [line[6:] for line in body.split(b"\n") if line.startswith(b"data: ")]
        events = [json.loads(one) for one in data if is_json(one)]
        return [("error" if isinstance(event, dict) and "error" in event else "chunk", event) for event in events]
    if not is_json(body):
        return []
    return [("response" if status == 200 else "error", json.loads(body))]


def is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def unchunked(body: bytes) -> bytes:
    """The body within its chunked framing, which may be cut."""
    plain = b""
    while (end := body.find(b"\r\n")) >= 0 and (size := int(body[:end], 16)) > 0:
        plain += body[end + 2 : end + 2 + size]
        body = body[end + 2 + size + 2 :]
    return plain


# A value of every kind, among them the edges: an integer that is written as a fraction, a number no integer holds.
OTHERS = [None, True, 0, -1, 1, 10.0, 1.5, 1e300, 200, "", "text", "x" * 70, [], [None], {}, {"a": 1}]


def breaks(document: object) -> list[object]:
    """The document without each of its members, and with each of its values replaced by others."""
    found = []
    for path in paths(document, ()):
        *parents, last = path
        for other in OTHERS:
            changed = copy.deepcopy(document)
            at(changed, parents)[last] = other
            found.append(changed)
        removed = copy.deepcopy(document)
        del at(removed, parents)[last]
        found.append(removed)
    return found


def paths(value: object, path: tuple) -> list[tuple]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else []
    inside = [(*path, step) for step, _ in items]
    return inside + [deeper for step in inside for deeper in paths(at(value, step[len(path) :]), step)]


def at(value: object, path) -> object:
    for step in path:
        value = value[step]
    return value
