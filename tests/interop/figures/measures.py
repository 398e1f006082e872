"""The measures of exchanges in their three populations."""

import math
from dataclasses import dataclass, field

from book import Book
from journal import Exchange
from times import PERCENTILES, Bounds, Times, least

MEASURES = (
    "response_time",
    "service_time",
    "queued",
    "lateness",
    "first_token",
    "first_visible_token",
    "first_reasoning_token",
    "token_gap",
    "time_per_output_token",
    "first_token_from_sent",
    "last_token",
    "head",
    "connect",
)
# What the client did is finite whatever became of the exchange.
OF_CLIENT = {"queued", "lateness", "connect"}
OF_STREAMS = {"first_token", "first_visible_token", "last_token", "time_per_output_token", "first_token_from_sent"}


@dataclass
class Populations:
    """Times of a measure: of exchanges that ended ok, of those that failed, and how many are infinite among all."""

    ok: Times = field(default_factory=Times)
    failed: Times = field(default_factory=Times)
    infinite: int = 0
    both: bool = False

    def of(self, population: str) -> tuple[Times, int]:
        """The finite times of a population, and how many infinite ones are among them."""
        if population == "all":
            return self.ok + self.failed if self.both else self.ok, self.infinite
        return (self.ok if population == "ok" else self.failed), 0


def populations(measure: str, exchanges: list[Exchange]) -> Populations:
    found = Populations(both=measure in OF_CLIENT or measure == "token_gap")
    for one in exchanges:
        if measure in OF_CLIENT:
            add(found.ok if one.ok else found.failed, measure, one)
        elif one.ok:
            add(found.ok, measure, one)
        elif one.accountable and applies(measure, one):
            found.infinite += 1
            if one.finite or measure == "token_gap":
                add(found.failed, measure, one)
    return found


def applies(measure: str, one: Exchange) -> bool:
    """Whether the lack of a time is a failure."""
    if measure == "first_reasoning_token":
        return one.first_of("reasoning") is not None
    return one.stream or measure not in OF_STREAMS | {"token_gap"}


def add(times: Times, measure: str, one: Exchange) -> None:
    """Adds what an exchange has of a measure."""
    if measure == "token_gap":
        for begin, end in one.gaps:
            times.between(begin, end)
    elif measure == "time_per_output_token":
        if one.per_token:
            times.add(*one.per_token)
    else:
        times.between(*instants(measure, one))


def instants(measure: str, one: Exchange) -> tuple[int | None, int | None]:
    """Between which instants a measure is."""
    match measure:
        case "response_time":
            return one.due, one.ended
        case "service_time":
            return one.sent, one.ended
        case "queued":
            return one.due, None if one.sent is None else one.eligible
        case "lateness":
            return one.eligible, one.sent
        case "first_token":
            return one.due, one.first
        case "first_visible_token":
            return one.due, one.first_of("visible")
        case "first_reasoning_token":
            return one.due, one.first_of("reasoning")
        case "first_token_from_sent":
            return one.sent, one.first
        case "last_token":
            return one.due, one.last
        case "head":
            return one.sent, one.head
        case "connect":
            begin, end = one.connect or (None, None)
            return begin, end
    raise ValueError(measure)


def statistic(found: Populations, population: str, name: str) -> Bounds | None:
    """A statistic by its name; infinite where an infinite sample is hit, none without a sample."""
    times, infinite = found.of(population)
    if name.startswith("p"):
        return times.percentile(float(name[1:]), infinite)
    if len(times) + infinite == 0:
        return None
    if not len(times) or infinite and name != "min":
        return math.inf, math.inf
    return {"min": lambda: times.at(1), "max": lambda: times.at(len(times)), "mean": times.mean}[name]()


def slack(theirs: Bounds | None) -> float:
    """What three digits leave open of a percentile."""
    return max(1.0, theirs[1] / 1000) if theirs and math.isfinite(theirs[1]) else 0.0


def compare_statistics(book: Book, figure: str, ours: dict, found: Populations, population: str) -> None:
    times, infinite = found.of(population)
    count = len(times) + infinite
    book.same(f"{figure}.count", ours["count"], count)
    for name in ("min", "max"):
        book.within(f"{figure}.{name}", ours[name], statistic(found, population, name))
    book.within(f"{figure}.mean", ours["mean"], statistic(found, population, "mean"), 0.5)
    for name in PERCENTILES:
        theirs = statistic(found, population, name)
        book.within(f"{figure}.{name}", ours[name], theirs, slack(theirs))
    few = [name for name, p in PERCENTILES.items() if 0 < count < least(p)]
    book.same(f"{figure}.too_small", ours["too_small"], few)


def compare_percentiles(book: Book, figure: str, ours: dict, found: Populations) -> None:
    """The few percentiles of a case, a model or a turn."""
    times, infinite = found.of("all")
    book.same(f"{figure}.count", ours["count"], len(times) + infinite)
    for name in ("p50", "p95", "p99"):
        theirs = statistic(found, "all", name)
        book.within(f"{figure}.{name}", ours[name], theirs, slack(theirs))
