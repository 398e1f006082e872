"""Works out every figure of load runs from their journals alone and holds what proofload says against them.

    compare.py FOLDER...

Shares nothing with proofload: events, text, tokens, times and windows are read and counted here once more. Prints a
line for each run, then how many statistics were compared and how many differ. Not compared, since no journal tells them
or another test does: trust and the client's health, confidence intervals, the verdicts and evidence of checks, rules on
a run as a whole, whether a run is steady, counts of a tokenizer, and what the server says of itself.
"""

import sys
from pathlib import Path

from book import Book
from exports import compare_exports
from facts import compare_facts
from goals import compare_goals
from journal import Run, load
from reply import OF_TRANSPORT, outcome
from seconds import compare_seconds

# Differences of a run that are shown.
SHOWN = 12


def compare(folder: Path) -> tuple[Run, Book]:
    run, book = load(folder), Book(folder.name)
    compare_lines(book, run)
    for part in (compare_facts, compare_seconds, compare_goals, compare_exports):
        part(book, run)
    return run, book


def compare_lines(book: Book, run: Run) -> None:
    """What the journal itself says of single exchanges."""
    for one in run.exchanges:
        name = f"request {one.seq}"
        book.same(f"{name}.first_token_us", one.line["first_token_us"], one.first)
        book.same(f"{name}.last_token_us", one.line["last_token_us"], one.last)
        known = one.tokens
        book.same(f"{name}.tokens_from", one.line["tokens_from"], known and known.source)
        for count in ("prompt", "completion", "cached", "delivered"):
            theirs = known and getattr(known, count)
            # Of the prompt only usage tells.
            theirs = theirs if count != "prompt" or known and known.source == "usage" else None
            book.same(f"{name}.{count}_tokens", one.line[f"{count}_tokens"], theirs)
        if one.status is not None and one.outcome not in OF_TRANSPORT and one.line["class"] != "short_body":
            book.same(f"{name}.outcome", (one.outcome, one.line["class"]), outcome(one.status, one.reply))


def main() -> int:
    compared = differ = 0
    for folder in map(Path, sys.argv[1:]):
        try:
            run, book = compare(folder)
        except Exception as error:  # A run that cannot be read has failed, and the others are still compared.
            print(f"FAIL  figures {folder.name}: {type(error).__name__}: {error}", flush=True)
            differ += 1
            continue
        compared += book.compared
        differ += len(book.differences)
        said = f"{len(run.exchanges)} requests, {book.compared} statistics, {len(book.differences)} differ"
        print(f"{'FAIL ' if book.differences else 'ok   '} figures {folder.name}: {said}", flush=True)
        for difference in book.differences[:SHOWN]:
            print(f"      {difference}", flush=True)
    print(f"{'FAIL ' if differ or not compared else 'ok   '} figures: {compared} statistics compared, {differ} differ")
    return 1 if differ or not compared else 0


if __name__ == "__main__":
    sys.exit(main())
