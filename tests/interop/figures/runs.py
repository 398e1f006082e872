"""The runs that are made: what endpoint each loads, how, and what is odd about it."""

from dataclasses import dataclass, field

WHOLE = ("plain", "unstated", "hidden", "thinking", "error")
USAGES = ("plain", "adding", "adding_total", "adding_ones", "running", "contrary", "claims", "unstated")
PIECES = ("glued", "burst", "split", "pair", "tools", "legacy", "nameless")
THOUGHT = ("thinking", "thinking_beside", "hidden", "hidden_beside", "rejected")
FAULTS = ("error", "undone", "unfinished", "cut", "garbled", "silent", "busy", "broken", "wrong")
IN_EVERY = [
    "error_rate < 20% in every 1s",
    "ttft.p95 < 100ms in every 1s",
    "ttft.ok.p50 < 40ms in every 2s",
    "e2e.p90 < 300ms in every 1s",
    "itl.p99 < 100ms in every 1s",
    "itl.ok.p95 < 30ms in every 2s",
    "output_tokens_per_s > 50 in every 1s",
]
WHOLE_RUN = [
    "ttft.p95 < 80ms",
    "tpot.p50 < 15ms",
    "e2e.failed.max < 2s",
    "service_time.mean < 500ms",
    "error_rate < 10%",
    "good_fraction >= 50%",
    "requests_per_s > 5",
    "completion_tokens > 100",
]
OF_CASES = [
    "ttft.p50 < 25ms for chat",
    "e2e.ok.p99 < 1s for whole",
    "itl.p95 < 9ms for bare",
    "error_rate < 1% for several",
]
LIMITS = {"first_token": "90ms", "token_gap": "70ms", "time_per_output_token": "30ms", "response_time": "900ms"}


@dataclass
class Made:
    """A run. Its endpoint is `serve` with these arguments, or else the odd one."""

    load: str
    cases: list[str]
    serve: list[str] | None = None
    dialect: str = "openai"
    flags: list[str] = field(default_factory=list)
    limits: str = ""
    goals: list[str] = field(default_factory=lambda: [*IN_EVERY, *WHOLE_RUN])
    goodput: dict[str, str] = field(default_factory=lambda: LIMITS)
    total: str = "5s"
    # How many parts it is made in, one after the other.
    shards: int = 1
    # Rules of which it is known that they are broken.
    known: list[str] = field(default_factory=list)
    # After how many seconds it is interrupted.
    interrupted_s: float | None = None


def case(name: str, prompt: str, *, stream: bool = True, weight: int = 1, more: str = "") -> str:
    text = f'[[case]]\nname = "{name}"\nweight = {weight}\nstream = {str(stream).lower()}\n{more}\n'
    return f'{text}messages = [{{ role = "user", content = "{{{{unique}}}} {prompt}" }}]\n'


def shaped(*shapes: str, stream: bool = True) -> list[str]:
    """A case for each shape of the odd endpoint."""
    kind = "" if stream else "whole-"
    return [
        case(f"{kind}{shape}", f"shape={shape}", stream=stream, more="n = 2" if shape == "pair" else "")
        for shape in shapes
    ]


def session(name: str, *shapes: str) -> str:
    turns = ", ".join(f'"{{{{unique}}}} shape={shape}"' for shape in shapes)
    return f'[[case]]\nname = "{name}"\nstream = true\nturns = [{turns}]\nthink_time = "uniform:5ms:60ms"\n'


def open_load(rate: float, duration: str, warmup: str = "1s", grace: str = "1s", more: str = "") -> str:
    return (
        f'[load.open]\nrate = {rate}\nduration = "{duration}"\nwarmup = "{warmup}"\ngrace = "{grace}"\n'
        f'arrivals = "poisson"\n{more}\n'
    )


CHAT = [
    case("chat", "Tell me about the river.", weight=3, more="stream_options = { include_usage = true }"),
    case("bare", "And of the mill.", weight=2),
    case("whole", "Tell me about the hills.", stream=False),
    case("several", "Say it twice.", more="n = 2\nstream_options = { include_usage = true }"),
    case("short", "In a word.", more="output_tokens = 5\nstream_options = { include_usage = true }"),
    '[[case]]\nname = "made"\ninput_tokens = 30\noutput_tokens = 7\n',
]
SERVED = ["--first-token", "20ms", "--token-gap", "3ms", "--tokens", "uniform:4:40"]
QUIRKS = "reset-mid-body,glued-pairs,reasoning,usage-in-every-chunk"

RUNS: dict[str, Made] = {
    "served": Made(open_load(40, "4s"), CHAT, SERVED, goals=[*IN_EVERY, *WHOLE_RUN, *OF_CASES]),
    "quirks": Made(open_load(40, "4s"), CHAT, [*SERVED, "--quirk", QUIRKS, "--quirk-rate", "0.3"]),
    "missed": Made(
        open_load(60, "4s", more='max_in_flight = 5\nover_cap = "drop"'),
        CHAT,
        ["--capacity", "concurrency=4,queue=1,step=6ms", "--tokens", "20"],
    ),
    "queued": Made(
        '[load.closed]\nconcurrency = 8\ncount = 90\nwarmup_count = 12\nmax_in_flight = 5\nover_cap = "queue"\n',
        CHAT[:3],
        ["--capacity", "concurrency=3,step=8ms", "--tokens", "uniform:4:20"],
    ),
    "pulze": Made(
        open_load(30, "3s"),
        [CHAT[1], CHAT[2]],
        [*SERVED, "--provider-failures", "0.3", "--quirk", "model-by-turns"],
        "pulze",
    ),
    "usages": Made(open_load(30, "5s", grace="3s"), [*shaped(*USAGES), *shaped(*WHOLE, stream=False)]),
    "pieces": Made(open_load(35, "4s"), shaped(*PIECES, *THOUGHT), known=["tool-name-declared"]),
    "faults": Made(open_load(35, "4s"), shaped(*FAULTS, "plain", "gap")),
    "dies": Made(open_load(20, "4s", warmup="0s", grace="500ms"), shaped("dies")),
    "stalls": Made(
        '[load.closed]\nconcurrency = 3\nduration = "5s"\ngrace = "300ms"\n',
        shaped("gap", "hang", "contrary"),
        total="2600ms",
    ),
    "beside": Made(
        '[loads.users]\ncases = ["plain", "busy"]\n[loads.users.open]\nwarmup = "1s"\nretry_after = "obey"\n'
        'stages = [{ from = 5, to = 30, duration = "2s" }, { rate = 20, duration = "1s" }]\n'
        '[loads.batch]\ncases = ["whole-plain", "glued"]\n[loads.batch.closed]\nconcurrency = 2\nduration = "3s"\n'
        'warmup = "500ms"\nthink_time = "exponential:40ms"\n',
        [*shaped("plain", "busy", "glued"), *shaped("plain", stream=False)],
    ),
    "talks": Made(
        open_load(8, "4s"),
        [session("talk", "plain", "glued", "thinking"), session("brief", "plain", "error"), *shaped("plain")],
    ),
    "requests": Made(open_load(30, "6s", grace="400ms"), shaped("plain", "slow"), flags=["--max-requests", "70"]),
    "time": Made(open_load(20, "6s", grace="200ms"), shaped("plain", "slow"), flags=["--max-time", "2700ms"]),
    "tokens": Made(open_load(30, "6s"), shaped("plain", "slow", "unstated"), flags=["--max-tokens", "900"]),
    "aborted": Made(
        open_load(30, "6s", grace="200ms"),
        shaped("dies", "plain", "slow", "busy"),
        limits='abort = ["error_rate > 60% over 1s", "in_flight > 45"]',
        total="700ms",
    ),
    "interrupted": Made(open_load(25, "6s", grace="300ms"), shaped("plain", "slow"), interrupted_s=2.5),
    "shared": Made(open_load(40, "3s"), [*CHAT, *shaped("plain")], SERVED, shards=2),
}
