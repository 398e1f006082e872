"""Times as far as the journal knows them, and the statistics that a digest makes of them.

An instant of the journal is cut to whole microseconds, so the time between two is known to a microsecond: each time
here has a lower and an upper end, and a statistic lies between that of the lower ends and that of the upper ones.
"""

import math
from functools import cached_property

import numpy

PERCENTILES = {"p50": 50.0, "p90": 90.0, "p95": 95.0, "p99": 99.0, "p99.9": 99.9}
Bounds = tuple[float, float]


class Times:
    """Times of a population in microseconds."""

    def __init__(self) -> None:
        self.ends: list[tuple[int, int]] = []

    def __len__(self) -> int:
        return len(self.ends)

    def __add__(self, other: "Times") -> "Times":
        both = Times()
        both.ends = self.ends + other.ends
        return both

    def add(self, low: int, high: int) -> None:
        self.ends.append((low, high))

    def between(self, begin: int | None, end: int | None) -> None:
        """The time between two instants, where there are both."""
        if begin is not None and end is not None:
            self.add(max(end - begin - 1, 0), max(end - begin, 0))

    @cached_property
    def lows(self) -> numpy.ndarray:
        return numpy.sort([low for low, _ in self.ends])

    @cached_property
    def highs(self) -> numpy.ndarray:
        return numpy.sort([high for _, high in self.ends])

    def at(self, rank: int) -> Bounds:
        return float(self.lows[rank - 1]), float(self.highs[rank - 1])

    def mean(self) -> Bounds:
        return float(self.lows.mean()), float(self.highs.mean())

    def percentile(self, p: float, infinite: int) -> Bounds | None:
        """By nearest rank among these and so many infinite ones; none without a sample."""
        count = len(self) + infinite
        if count == 0:
            return None
        at = rank(p, count)
        return self.at(at) if at <= len(self) else (math.inf, math.inf)

    def sketched(self, p: float, infinite: int = 0) -> Bounds | None:
        """The same as a second's row keeps it, in buckets."""
        exact = self.percentile(p, infinite)
        if exact is None or math.isinf(exact[0]):
            return exact
        return middle(int(exact[0])), middle(int(exact[1]))


def rank(p: float, count: int) -> int:
    """The smallest rank such that at least p percent of the samples have it or a lower one."""
    exact = p * count / 100
    return min(max(math.ceil(exact - 1e-9 * max(exact, 1.0)), 1), count)


def least(p: float) -> int:
    """The fewest samples of which one is expected beyond a percentile."""
    return math.ceil(100 / min(p, 100 - p) - 1e-6)


def middle(us: int) -> float:
    """The middle of the bucket of a row: one for each microsecond below 128, 64 for each doubling above."""
    if us < 128:
        return us
    width = 1 << us.bit_length() - 7
    return us // width * width + width / 2
