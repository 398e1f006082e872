"""A small endpoint that answers in odd shapes, which the prompt names: `shape=glued` and so on.

It speaks just enough HTTP/1.1, on a free port of the loopback. A shape is a list of writes, each behind a pause.
"""

import asyncio
import json
import random
import re
import threading
import time
from collections.abc import Callable

PROMPT_TOKENS = 10
SHAPE = re.compile(r"shape=(\w+)")
WORDS = ["The", " river", " rises", " in", " the", " hills", ",", " they", " –", "über", " 🌊", " und", " ends."]
# For so long an endpoint that dies answers, from its first request on.
LIFE_S = 1.6
CONTENT = "content"
CREATED = int(time.time())
HANG, CUT = "hang", "cut"
# A pause in seconds and what is written behind it; or how the reply ends, where it does not end well.
Step = tuple[float, bytes]
Script = tuple[list[Step], str | None]


class Odd:
    """The endpoint, in a thread; it ends with the block."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.began: float | None = None
        self.loop = asyncio.new_event_loop()
        ready = threading.Event()
        self.thread = threading.Thread(target=self.serve, args=(ready,), daemon=True)
        self.thread.start()
        ready.wait()
        self.url = f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> "Odd":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    def serve(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self.loop)
        server = self.loop.run_until_complete(asyncio.start_server(self.talk, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        self.loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.run_until_complete(asyncio.sleep(0))

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, reply after reply."""
        try:
            while await self.answer(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One reply; whether the connection goes on."""
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
        asked = json.loads(await reader.readexactly(int(length[1]) if length else 0) or b"{}")
        now = time.monotonic()
        self.began = self.began or now
        shape = (SHAPE.search(asked["messages"][-1]["content"]) or [None, "plain"])[1]
        if shape == "dies":
            shape = "plain" if now - self.began < LIFE_S else "dead"
        if shape in REFUSALS:
            writer.write(refusal(*REFUSALS[shape]))
            return True
        if not asked.get("stream"):
            await asyncio.sleep(self.random.uniform(0.01, 0.06))
            writer.write(page(200, json.dumps(BODIES[shape]()).encode()))
            return True
        steps, end = SHAPES[shape](self.random)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        for pause, data in steps:
            await asyncio.sleep(pause)
            writer.write(b"%x\r\n%s\r\n" % (len(data), data))
            await writer.drain()
        if end == HANG:
            # Until the client leaves.
            await reader.read()
        if end:
            return False
        writer.write(b"0\r\n\r\n")
        return True


def page(status: int, body: bytes, *headers: bytes) -> bytes:
    lines = [b"HTTP/1.1 %d Odd" % status, b"content-type: application/json", b"content-length: %d" % len(body)]
    return b"\r\n".join([*lines, *headers, b"", body])


def refusal(status: int, code: str) -> bytes:
    error = {"message": f"this is {code}", "type": code, "param": None, "code": code}
    return page(status, json.dumps({"error": error}).encode(), b"retry-after: 1")


def chunk(delta: dict | None, finish: str | None = None, usage: dict | None = None, index: int = 0) -> dict:
    choices = [] if delta is None else [{"index": index, "delta": delta, "finish_reason": finish}]
    frame = {"id": "chatcmpl-odd", "object": "chat.completion.chunk", "created": CREATED, "model": "odd"}
    return {**frame, "choices": choices, **({"usage": usage} if usage else {})}


def usage(completion: float, total: float | None = None, **details: float) -> dict:
    total = PROMPT_TOKENS + completion if total is None else total
    found = {"prompt_tokens": PROMPT_TOKENS, "completion_tokens": completion, "total_tokens": total}
    found["prompt_tokens_details"] = {"cached_tokens": 4}
    return {**found, "completion_tokens_details": details} if details else found


def event(value: dict | str, end: str = "\n\n") -> bytes:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"data: {text}{end}".encode()


ROLE, STOP, DONE = chunk({"role": "assistant", "content": ""}), chunk({}, "stop"), "[DONE]"


def told(draw: random.Random, pieces: list, last: list, end: str | None = None) -> Script:
    """A role, pieces of content one after another, and what comes behind them in one write."""
    steps = [(draw.uniform(0.01, 0.04), event(ROLE))]
    steps += [(draw.uniform(0.004, 0.03), event(piece)) for piece in pieces]
    return [*steps, *([(0.005, b"".join(map(event, last)))] if last else [])], end


def words(count: int, name: str = CONTENT) -> list[dict]:
    return [chunk({name: WORDS[number % len(WORDS)]}) for number in range(count)]


def counted(last: dict) -> list:
    """The end of a stream that states its usage."""
    return [STOP, chunk(None, usage=last), DONE]


def with_usage(counts: list[float]) -> list[dict]:
    """Words, of which each states so many tokens."""
    return [{**word, "usage": usage(count)} for word, count in zip(words(len(counts)), counts)]


def glued(draw: random.Random) -> Script:
    """Several events in each write, the first with the role."""
    pieces, steps = [ROLE, *words(11), STOP, chunk(None, usage=usage(11)), DONE], []
    while pieces:
        together = draw.randint(2, 4)
        steps.append((draw.uniform(0.01, 0.04), b"".join(map(event, pieces[:together]))))
        pieces = pieces[together:]
    return steps, None


def burst(draw: random.Random) -> Script:
    """Everything in one write."""
    pieces = [ROLE, *words(9), *counted(usage(9))]
    return [(draw.uniform(0.02, 0.05), b"".join(map(event, pieces)))], None


def split(draw: random.Random) -> Script:
    """Each event in three writes, within characters of several bytes too; lines end in CR LF."""
    whole = b"".join(event(piece, "\r\n\r\n") for piece in [ROLE, *words(12), STOP, DONE])
    cuts = sorted(draw.sample(range(1, len(whole)), 30))
    return [(0.004, whole[begin:end]) for begin, end in zip([0, *cuts], [*cuts, len(whole)])], None


def pair(draw: random.Random) -> Script:
    """Two choices, their pieces mixed."""
    pieces = [chunk({CONTENT: word}, index=number % 2) for number, word in enumerate(WORDS)]
    draw.shuffle(pieces)
    return told(draw, pieces, [STOP, chunk({}, "length", index=1), chunk(None, usage=usage(14)), DONE])


def tools(draw: random.Random) -> Script:
    """A call in pieces, the first of them without arguments."""
    first = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ""}}
    rest = [{"index": 0, "function": {"arguments": text}} for text in ('{"ci', 'ty": ', '"Bonn', '"}')]
    pieces = [chunk({"tool_calls": [call]}) for call in [first, *rest]]
    return told(draw, pieces, [chunk({}, "tool_calls"), chunk(None, usage=usage(12)), DONE])


def legacy(draw: random.Random) -> Script:
    """A call and a refusal of an older kind, and empty content without a role."""
    pieces = [{"function_call": {"name": "f", "arguments": "{"}}, {CONTENT: ""}, {"function_call": {"arguments": "}"}}]
    return told(draw, [*map(chunk, pieces), chunk({"refusal": "I cannot say more."})], [STOP, DONE])


def nameless(draw: random.Random) -> Script:
    """Pieces of a call that have no text yet."""
    pieces = [chunk({"tool_calls": [{"index": number}]}) for number in range(4)]
    return told(draw, pieces, [chunk({}, "tool_calls"), chunk(None, usage=usage(7)), DONE])


def thinking(name: str, beside: bool) -> Callable:
    """Reasoning that is shown under a name, billed within the completion or beside it."""

    def script(draw: random.Random) -> Script:
        stated = usage(6, PROMPT_TOKENS + 11, reasoning_tokens=5) if beside else usage(11, reasoning_tokens=5)
        return told(draw, [*words(5, name), *words(6)], counted(stated))

    return script


def gap(draw: random.Random) -> Script:
    """Two seconds of silence between two words."""
    steps, end = told(draw, words(8), counted(usage(8)))
    return [*steps[:5], (2.0, steps[5][1]), *steps[6:]], end


def slow(draw: random.Random) -> Script:
    """Words over three seconds."""
    return [(draw.uniform(0.1, 0.2), event(piece)) for piece in [ROLE, *words(20), *counted(usage(20))]], None


def contrary(draw: random.Random) -> Script:
    """Usage that falls and fits nothing, in a stream that lasts through a second in which nothing else happens."""
    pieces = with_usage([900, 5, 700, 3])
    steps = [(draw.uniform(0.5, 0.8), event(piece)) for piece in pieces]
    return [(0.01, event(ROLE)), *steps, (0.01, event(STOP) + event(DONE))], None


FAULT = {"error": {"message": "out of memory", "type": "server_error", "param": None, "code": None}}
SHAPES: dict[str, Callable[[random.Random], Script]] = {
    "plain": lambda draw: told(draw, words(draw.randint(4, 14)), counted(usage(14))),
    "glued": glued,
    "burst": burst,
    "split": split,
    "pair": pair,
    "tools": tools,
    "legacy": legacy,
    "nameless": nameless,
    "thinking": thinking("reasoning_content", False),
    "thinking_beside": thinking("reasoning", True),
    "hidden": lambda draw: told(draw, words(8), counted(usage(20, reasoning_tokens=12))),
    "hidden_beside": lambda draw: told(draw, words(8), counted(usage(8, PROMPT_TOKENS + 20, reasoning_tokens=12))),
    "rejected": lambda draw: told(draw, words(8), counted(usage(13, rejected_prediction_tokens=5))),
    "unstated": lambda draw: told(draw, words(9), [STOP, DONE]),
    "adding": lambda draw: told(draw, with_usage([3, 1, 4, 2, 2.5, 1]), [STOP, DONE]),
    "adding_total": lambda draw: told(draw, with_usage([3, 1, 4, 2]), counted(usage(10))),
    "adding_ones": lambda draw: told(draw, with_usage([1] * 9), [STOP, DONE]),
    "running": lambda draw: told(draw, with_usage([1, 2, 4, 7, 9]), [STOP, DONE]),
    "claims": lambda draw: told(draw, words(3), counted(usage(900))),
    "contrary": contrary,
    "silent": lambda draw: told(draw, [], counted(usage(3))),
    "error": lambda draw: told(draw, words(4), [FAULT]),
    "undone": lambda draw: told(draw, words(6), [STOP]),
    "unfinished": lambda draw: told(draw, words(6), [DONE]),
    "cut": lambda draw: told(draw, words(5), [], CUT),
    "garbled": lambda draw: told(draw, words(3), ["{no json", STOP, DONE]),
    "gap": gap,
    "slow": slow,
    "hang": lambda draw: told(draw, words(4), [], HANG),
    "dead": lambda draw: ([], HANG),
}
REFUSALS = {"busy": (429, "rate_limit_exceeded"), "broken": (500, "server_error"), "wrong": (400, "invalid_request")}
BODIES: dict[str, Callable[[], dict]] = {
    "plain": lambda: body({CONTENT: "The river rises in the hills."}, usage(8)),
    "unstated": lambda: body({CONTENT: "The river ends in the sea."}, None),
    "hidden": lambda: body({CONTENT: "Yes."}, usage(32, reasoning_tokens=30)),
    "thinking": lambda: body({CONTENT: "Yes.", "reasoning_content": "Is it?"}, usage(7, reasoning_tokens=4)),
    "error": lambda: FAULT,
}


def body(message: dict, stated: dict | None) -> dict:
    """A whole completion."""
    choice = {"index": 0, "message": {"role": "assistant", "refusal": None, **message}, "finish_reason": "stop"}
    frame = {"id": "chatcmpl-odd", "object": "chat.completion", "created": CREATED, "model": "odd"}
    return {**frame, "choices": [{**choice, "logprobs": None}], **({"usage": stated} if stated else {})}
