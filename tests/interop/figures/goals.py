"""Goals, read and held against what was measured: of the whole run, of a case, or of every window of its time."""

import math
import operator
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from book import Book
from facts import scalars
from journal import UNITS_US, Run, duration
from measures import populations, slack, statistic
from seconds import SECOND_US, Row, rows
from times import Bounds, Times, least

METRIC = r"([a-z0-9_]+)(?:\.(ok|all|failed))?(?:\.([a-z0-9.]+))?"
GOAL = re.compile(METRIC + r" *(<=|>=|==|<|>) *([0-9.]+)([a-z%]*)(?: (.*))?")
SHORT = {
    "e2e": "response_time",
    "ttft": "first_token",
    "ttfo": "first_visible_token",
    "itl": "token_gap",
    "tpot": "time_per_output_token",
}
# What breaks any goal that is of times.
BROKEN = ("unanswered", "none_ok", "stalled")
HOLDS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq}


@dataclass
class Goal:
    measure: str
    population: str
    statistic: str | None
    op: str
    wanted: float
    case: str | None
    window_s: int | None

    @property
    def percentile(self) -> float | None:
        return float(self.statistic[1:]) if self.statistic and self.statistic.startswith("p") else None

    def holds(self, value: float) -> bool:
        return HOLDS[self.op](value, self.wanted)


@dataclass
class Window:
    from_s: int
    until_s: int
    state: str
    value: Bounds | None = None
    samples: int = 0


def parse(text: str) -> Goal:
    found = GOAL.fullmatch(text)
    if not found:
        raise ValueError(f"no goal: {text}")
    name, population, statistic, op, number, unit, part = found.groups()
    wanted = float(number) * (UNITS_US[unit] if unit in UNITS_US else 0.01 if unit else 1)
    case = part.removeprefix("for ") if part and part.startswith("for ") else None
    window = duration(part.removeprefix("in every ")) // SECOND_US if part and not case else None
    return Goal(SHORT.get(name, name), population or "all", statistic, op, wanted, case, window)


def compare_goals(book: Book, run: Run) -> None:
    ours = run.digest["goals"]
    written = [goal["goal"] for goal in ours if not goal["default"]]
    book.same("goals", written, run.summary["meta"]["goals"])
    for result in ours:
        goal = parse(result["goal"])
        name = f"goal {result['goal']}"
        book.same(f"{name}.wanted", result["wanted"], goal.wanted)
        compare_samples(book, name, result, goal, run)
        if goal.window_s:
            compare_windows(book, name, result, goal, run)
        else:
            compare_value(book, name, result, goal, run)


def compare_samples(book: Book, name: str, ours: dict, goal: Goal, run: Run) -> None:
    """How many samples a percentile rests on, and whether they are too few for it."""
    if goal.percentile is None:
        book.same(f"{name}.samples", (ours["samples"], ours["note"]), (None, None))
        return
    few = least(goal.percentile)
    if goal.window_s:
        full = [window for window in windows(goal, run) if window.state != "empty"]
        count = min((window.samples for window in full), default=0)
    else:
        times, infinite = populations(goal.measure, of_part(goal, run)).of(goal.population)
        count = len(times) + infinite
    book.same(f"{name}.samples", ours["samples"], count)
    book.same(f"{name}.note", ours["note"], f"n<{few}" if 0 < count < few else None)


def of_part(goal: Goal, run: Run) -> list:
    return [one for one in run.measured if goal.case in (None, one.case)]


def compare_value(book: Book, name: str, ours: dict, goal: Goal, run: Run) -> None:
    """A goal of the whole run or of a case."""
    if goal.statistic:
        value = statistic(populations(goal.measure, of_part(goal, run)), goal.population, goal.statistic)
        open_to = slack(value) if goal.percentile is not None else 0.5
        book.within(f"{name}.value", ours["value"], value, open_to)
    else:
        exact = scalars(run, of_part(goal, run))[goal.measure]
        value = None if exact is None else (exact, exact)
        book.same(f"{name}.value", ours["value"], exact)
    measured = ours["value"] if ours["value"] is not None else value and math.inf
    book.same(f"{name}.held", ours["held"], measured is not None and goal.holds(measured))


def compare_windows(book: Book, name: str, ours: dict, goal: Goal, run: Run) -> None:
    """A goal of every window: which broke it, which say nothing, and the worst value."""
    found = windows(goal, run)
    broken, unsure = [], []
    for window in found:
        sure = window.state != "measured" or goal.holds(window.value[0]) == goal.holds(window.value[1])
        is_broken = window.state in BROKEN or window.value and not goal.holds(window.value[0])
        (unsure if not sure else broken if is_broken else []).append(window)
    shown = {(window["from_s"], window["until_s"]): window for window in ours["broken_in"]}
    may = {(window.from_s, window.until_s) for window in unsure}
    book.same(f"{name}.broken_in", sorted(shown.keys() - may), [(one.from_s, one.until_s) for one in broken])
    started = run.summary["meta"]["started_unix_ms"]
    for window in broken:
        if at := shown.get((window.from_s, window.until_s)):
            begin = datetime.fromtimestamp(started // 1000 + window.from_s, UTC)
            label = f"{name}.broken_in[{window.from_s}]"
            book.same(f"{label}.state", at["state"], window.state)
            book.same(f"{label}.from", at["from"], f"{begin:%Y-%m-%dT%H:%M:%S}.{started % 1000:03}Z")
            book.within(f"{label}.value", at["value"], window.value, 1e-9)
    empty = [(one["from_s"], one["until_s"]) for one in ours["empty_in"]]
    book.same(f"{name}.empty_in", empty, [(one.from_s, one.until_s) for one in found if one.state == "empty"])
    book.within(f"{name}.value", ours["value"], worst(goal, found), 1e-9)
    held = any(one.state != "empty" for one in found) and not shown
    book.same(f"{name}.held", ours["held"], held)


def worst(goal: Goal, found: list[Window]) -> Bounds | None:
    """The worst value; none where a window has none though it should."""
    if goal.statistic and any(window.state in BROKEN for window in found):
        return None
    values = [window.value for window in found if window.value]
    pick = max if goal.op.startswith("<") else min
    return (pick(low for low, _ in values), pick(high for _, high in values)) if values else None


def windows(goal: Goal, run: Run) -> list[Window]:
    """The windows of the measured part, by due time, with what the goal finds in each."""
    measured, everything = rows(run.measured), rows(run.exchanges)
    begin, end = run.window[0] // SECOND_US, -(-run.window[1] // SECOND_US)
    if goal.measure == "output_tokens_per_s":
        # A rate needs whole windows.
        begin, end = -(-run.window[0] // SECOND_US), run.window[1] // SECOND_US
    found = []
    for at in range(begin, end, goal.window_s):
        until = min(at + goal.window_s, end)
        within = [[row for number, row in some.items() if at <= number < until] for some in (measured, everything)]
        if goal.measure != "output_tokens_per_s":
            found.append(state(goal, at, until, *within, measured.get(until - 1)))
        elif until - at == goal.window_s:
            rate = sum(row.thousandths for row in within[1]) / 1000 / goal.window_s
            found.append(Window(at, until, "measured", (rate, rate)))
    return found


def state(goal: Goal, at: int, until: int, measured: list[Row], everything: list[Row], last: Row | None) -> Window:
    due = sum(row.due_ok + row.due_failed + row.missed for row in measured)
    value, samples = value_of(goal, measured, last)
    if due and not sum(row.due_answered for row in measured) and (goal.statistic or value is None):
        return Window(at, until, "unanswered", None, samples)
    if value:
        return Window(at, until, "measured", value, samples)
    if due and not sum(row.due_ok for row in measured):
        return Window(at, until, "none_ok", None, samples)
    moved = sum(row.due + row.ok + row.failed + row.pieces + row.thousandths for row in everything)
    if goal.statistic and not moved and sum(row.in_flight_us for row in everything):
        return Window(at, until, "stalled", None, samples)
    return Window(at, until, "empty", None, samples)


def value_of(goal: Goal, measured: list[Row], last: Row | None) -> tuple[Bounds | None, int]:
    """The figure of some rows, and the samples that a percentile rests on."""
    if goal.measure == "error_rate":
        ok, failed = sum(row.due_ok for row in measured), sum(row.due_failed for row in measured)
        return ((failed / (ok + failed),) * 2 if ok + failed else None), 0
    times, infinite = times_of(goal, measured, last)
    infinite = infinite if goal.population == "all" else 0
    return times.sketched(goal.percentile, infinite), len(times) + infinite


def times_of(goal: Goal, measured: list[Row], last: Row | None) -> tuple[Times, int]:
    """The finite times of some rows and how many infinite ones are among all; gaps that last through the last of the
    rows are among them."""
    lasting = [last] if last else []
    times = sum((getattr(row, goal.measure) for row in measured), Times())
    if goal.measure == "response_time":
        return times, sum(row.due_failed + row.missed for row in measured)
    if goal.measure == "first_token":
        return times, sum(row.due_silent for row in measured)
    times = sum((row.gap_lasting for row in lasting), times)
    if goal.population == "all":
        times = sum((row.token_gap_failed for row in measured), times)
        times = sum((row.gap_lasting_failed for row in lasting), times)
    endless = sum(row.gaps_infinite for row in measured) + sum(row.gaps_infinite_lasting for row in lasting)
    return times, endless
