"""A run as it was kept: the lines of its journal, read, and what its summary says of its plan."""

import json
import re
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import zstandard

from reply import Mark, Reply, read
from usage import Tokens, tokens

UNITS_US = {"h": 3_600_000_000, "m": 60_000_000, "s": 1_000_000, "ms": 1_000, "us": 1}


class Plan:
    """What a summary says of the plan of a run, or of one of its parts."""

    def __init__(self, summary: dict) -> None:
        meta, ending = summary["meta"], summary["ending"]
        self.dialect: str = meta["dialect"]
        # The window that rates refer to, and the first instant that is not in it.
        self.window = (ending["window_from_us"], ending["window_us"])
        self.until = self.window[1]
        self.known = set(meta["known"])
        self.limits = {measure: duration(text) for measure, text in meta["goodput"].items()}
        cases = tomllib.loads(meta["effective"])["case"]
        self.cases = {case.get("name", f"case-{number}"): case for number, case in enumerate(cases)}


@dataclass(eq=False)
class Exchange:
    """A line of the journal, with what is worked out of it alone."""

    line: dict
    stream: bool
    asked: dict
    reply: Reply
    plan: Plan

    def __getattr__(self, name: str) -> object:
        """The members of the line by their names; instants without their unit."""
        for own in (name, f"{name}_us"):
            if own in self.line:
                return self.line[own]
        raise AttributeError(name)

    @cached_property
    def ok(self) -> bool:
        return self.outcome == "ok"

    @cached_property
    def stopped(self) -> bool:
        """Cut by a limit of the user, an interruption or a rule that aborts: it says nothing of the endpoint."""
        return self.line["class"] == "stopped"

    @cached_property
    def accountable(self) -> bool:
        return not self.stopped and self.outcome != "unjudged"

    @cached_property
    def failed(self) -> bool:
        return self.accountable and self.outcome not in ("ok", "missed")

    @cached_property
    def finite(self) -> bool:
        """Whether it ended of its own, so that the time that it took is known."""
        return self.sent is not None and self.outcome != "unfinished"

    @property
    def marks(self) -> list[Mark]:
        return self.reply.marks

    @cached_property
    def tokens(self) -> Tokens | None:
        found = tokens(self.reply)
        return found if isinstance(found, Tokens) else None

    @cached_property
    def withheld(self) -> bool:
        return tokens(self.reply) == "contradiction"

    @cached_property
    def deliveries(self) -> list[tuple[int, int]]:
        """Output tokens in thousandths, by the instants at which they came."""
        if not self.tokens:
            return []
        thousandths = self.tokens.delivered * 1000
        if self.reply.kind != "stream":
            return [(self.ended, round_up(thousandths))]
        weights = [mark.characters for mark in self.marks]
        weights = weights if any(weights) else [1] * len(weights)
        seen, given, found = 0, 0, []
        for mark, weight in zip(self.marks, weights):
            seen += weight
            until = round_up(thousandths * seen / sum(weights))
            found.append((mark.at, until - given))
            given = until
        return found

    @cached_property
    def gaps(self) -> list[tuple[int, int]]:
        """Beginning and end of each gap between different arrivals with content of one choice."""
        last: dict[int, Mark] = {}
        found = []
        for mark in self.marks:
            before = last.get(mark.choice)
            if before and before.arrival != mark.arrival:
                found.append((before.at, mark.at))
            last[mark.choice] = mark
        return found

    @cached_property
    def per_token(self) -> tuple[int, int] | None:
        """Time per output token: the span of content over the tokens that came behind the first arrival."""
        if len(self.reply.choices) != 1 or not self.marks or not self.tokens:
            return None
        first, last = self.marks[0], self.marks[-1]
        if first.arrival == last.arrival:
            return None
        behind = [mark for mark in self.marks if mark.arrival != first.arrival]
        whole = sum(mark.characters for mark in self.marks)
        if self.tokens.source == "events" or not whole:
            share = len(behind) / len(self.marks)
        else:
            share = sum(mark.characters for mark in behind) / whole
        count = max(self.tokens.delivered * share, 1.0)
        span = last.at - first.at
        return int(max(span - 1, 0) / count), int((span + 1) / count)

    @cached_property
    def first(self) -> int | None:
        return self.marks[0].at if self.marks else None

    @cached_property
    def last(self) -> int | None:
        return self.marks[-1].at if self.marks else None

    def first_of(self, kind: str) -> int | None:
        return next((mark.at for mark in self.marks if getattr(mark, kind)), None)

    @cached_property
    def kept(self) -> bool:
        """Ok, with no MUST broken that is not known."""
        return self.ok and not set(self.must_broken) - self.plan.known

    @cached_property
    def violating(self) -> bool:
        return self.status == 200 and bool(self.must_broken)

    @cached_property
    def good(self) -> bool:
        return self.kept and all(self.within(*limit) for limit in self.plan.limits.items())

    @cached_property
    def late(self) -> bool:
        return self.kept and not self.good

    def within(self, measure: str, limit: int) -> bool:
        """Whether it keeps a limit for a single request; a stream without a sample does not."""
        if measure == "response_time":
            return self.ended - self.due <= limit
        if not self.stream:
            return True
        times = {
            "first_token": [self.first - self.due] if self.marks else [],
            "token_gap": [end - begin for begin, end in self.gaps],
            "time_per_output_token": self.per_token[1:] if self.per_token else [],
        }[measure]
        return bool(times) and max(times) <= limit

    def in_window(self, at: int) -> bool:
        return self.plan.window[0] <= at < self.plan.until

    @cached_property
    def completed(self) -> bool:
        """Whether it ended with a reply in the window that rates refer to."""
        counts = self.outcome != "missed" and self.accountable
        return counts and self.head is not None and self.in_window(self.ended)

    @cached_property
    def metadata(self) -> dict | None:
        """Pulze's, of a success: the last of a stream."""
        if self.status is None or not 200 <= self.status < 300 or self.reply.kind == "whole" and not self.ok:
            return None
        with_it = [chunk for _, chunk in self.reply.chunks if isinstance(chunk, dict) and "metadata" in chunk]
        found = with_it[-1]["metadata"] if with_it else None
        return found if isinstance(found, dict) else None

    @cached_property
    def model(self) -> str | None:
        """The model that answered, as the metadata names it."""
        model = (self.metadata or {}).get("model")
        name = model.get("namespace") if isinstance(model, dict) else None
        return name or None


@dataclass
class Run:
    """A run, or one whose parts were merged."""

    folder: Path
    exchanges: list[Exchange]
    summary: dict
    # Beginning and end of the window that rates refer to.
    window: tuple[int, int]

    @cached_property
    def measured(self) -> list[Exchange]:
        return [one for one in self.exchanges if not one.warmup]

    @cached_property
    def warmup(self) -> list[Exchange]:
        return [one for one in self.exchanges if one.warmup]

    @property
    def window_s(self) -> float:
        return (self.window[1] - self.window[0]) / 1e6

    def report(self, kind: str) -> str:
        return (self.folder / f"report.{kind}").read_text(encoding="utf-8")

    @cached_property
    def digest(self) -> dict:
        return json.loads(self.report("json"))


def round_up(number: float) -> int:
    """To the nearest whole number, halves up."""
    return int(number + 0.5)


def duration(text: str) -> int:
    """Microseconds of a duration such as `1s 500ms`."""
    parts = re.findall(r"(\d+)([a-z]+)", text)
    return sum(int(count) * UNITS_US[unit] for count, unit in parts)


def load(folder: Path) -> Run:
    """The run of a folder; the folders of its parts lie within, where it has any."""
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    parts = sorted(path.parent for path in folder.glob("*/exchanges.jsonl.zst")) or [folder]
    exchanges = [one for part in parts for one in exchanges_of(part)]
    ending = summary["ending"]
    return Run(folder, exchanges, summary, (ending["window_from_us"], ending["window_us"]))


def exchanges_of(folder: Path) -> list[Exchange]:
    plan = Plan(json.loads((folder / "summary.json").read_text(encoding="utf-8")))
    with (folder / "exchanges.jsonl.zst").open("rb") as file:
        text = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True).read().decode()
    *lines, end = [json.loads(line) for line in text.splitlines()]
    if end["journal"] != {"written": len(lines), "dropped": 0}:
        raise ValueError(f"{folder.name}: {len(lines)} lines, and the journal ends with {end}")
    exchanges = [exchange(line, plan) for line in lines]
    # Where the number of requests ends a run, the window ends with the last of them, which is in it.
    if plan.until == max(line["ended_us"] for line in lines):
        plan.until += 1
    return exchanges


def exchange(line: dict, plan: Plan) -> Exchange:
    asked = json.loads(line["request"])
    return Exchange(line, bool(asked.get("stream")), asked, read(line, asked, plan.dialect), plan)
