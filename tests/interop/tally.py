"""The lines of all scenarios, and how many passed."""


class Tally:
    def __init__(self) -> None:
        self.passed = self.failed = 0

    def check(self, name: str, holds: bool, said: str) -> None:
        self.line(f"{'ok   ' if holds else 'FAIL '} {name}: {said}")

    def line(self, line: str) -> None:
        """A line that a scenario has written by itself."""
        print(line, flush=True)
        self.passed += line.startswith("ok ")
        self.failed += line.startswith("FAIL ")

    def end(self) -> int:
        """The last line, and the exit code."""
        print(f"{self.passed} passed, {self.failed} failed")
        return 1 if self.failed or not self.passed else 0
