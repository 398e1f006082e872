"""What was compared, and what differs."""

import math


class Book:
    """Figures of one run: ours is what proofload says, theirs what is worked out here."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.compared = 0
        self.differences: list[str] = []

    def check(self, figure: str, holds: bool, ours: object, theirs: object) -> None:
        self.compared += 1
        if not holds:
            self.differences.append(f"{self.name}: {figure}: ours {ours}, theirs {theirs}")

    def same(self, figure: str, ours: object, theirs: object) -> None:
        """The very same; numbers to a billionth."""
        if isinstance(ours, (int, float)) and isinstance(theirs, (int, float)):
            self.check(figure, math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-9), ours, theirs)
        else:
            self.check(figure, ours == theirs, ours, theirs)

    def same_counts(self, figure: str, ours: dict, theirs: dict) -> None:
        """Numbers by name, of which those that are 0 may be left out."""
        for name in sorted(ours.keys() | theirs.keys()):
            self.same(f"{figure} {name}", ours.get(name) or 0, theirs.get(name) or 0)

    def within(self, figure: str, ours: float | None, theirs: tuple[float, float] | None, slack: float = 0.0) -> None:
        """Between two ends, and so far beyond; infinity and the lack of a sample are null."""
        if theirs is None or math.isinf(theirs[1]):
            self.check(figure, ours is None, ours, theirs)
            return
        low, high = theirs[0] - slack, theirs[1] + slack
        self.check(figure, ours is not None and low <= ours <= high, ours, theirs)
