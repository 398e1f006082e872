"""The run second by second: what was due, what arrived, what ended."""

from collections import defaultdict
from dataclasses import dataclass, field

from book import Book
from journal import Exchange, Run
from times import Times

SECOND_US = 1_000_000
Rows = dict[int, "Row"]


@dataclass
class Row:
    """A second of a run: times of requests by when they were due, gaps by when they ended."""

    due: int = 0
    due_ok: int = 0
    due_answered: int = 0
    due_failed: int = 0
    due_silent: int = 0
    missed: int = 0
    sent: int = 0
    ok: int = 0
    failed: int = 0
    good: int = 0
    late: int = 0
    violations: int = 0
    thousandths: int = 0
    pieces: int = 0
    in_flight_us: int = 0
    gaps_infinite: int = 0
    gaps_infinite_lasting: int = 0
    response_time: Times = field(default_factory=Times)
    first_token: Times = field(default_factory=Times)
    token_gap: Times = field(default_factory=Times)
    token_gap_failed: Times = field(default_factory=Times)
    gap_lasting: Times = field(default_factory=Times)
    gap_lasting_failed: Times = field(default_factory=Times)


def rows(exchanges: list[Exchange]) -> Rows:
    found: Rows = defaultdict(Row)
    for one in exchanges:
        add_due(found[one.due // SECOND_US], one)
        if one.sent is not None:
            found[one.sent // SECOND_US].sent += 1
            add_end(found[one.ended // SECOND_US], one)
            for number, us in spread(one.sent, one.ended):
                found[number].in_flight_us += us
            for at, thousandths in one.deliveries:
                found[at // SECOND_US].thousandths += thousandths
            for mark in one.marks:
                found[mark.at // SECOND_US].pieces += 1
        if one.accountable:
            add_gaps(found, one)
    return dict(sorted(found.items()))


def add_due(row: Row, one: Exchange) -> None:
    row.due += 1
    row.due_ok += one.ok
    row.due_answered += one.head is not None
    row.due_failed += one.failed
    row.missed += one.outcome == "missed"
    row.due_silent += one.accountable and not one.ok and one.stream
    if one.ok:
        row.response_time.between(one.due, one.ended)
        row.first_token.between(one.due, one.first)


def add_end(row: Row, one: Exchange) -> None:
    row.ok += one.ok
    row.failed += one.failed
    row.good += one.good
    row.late += one.late
    row.violations += one.violating


def add_gaps(found: Rows, one: Exchange) -> None:
    for begin, end in one.gaps:
        row = found[end // SECOND_US]
        (row.token_gap if one.ok else row.token_gap_failed).between(begin, end)
        for number in throughout(begin, end):
            row = found[number]
            (row.gap_lasting if one.ok else row.gap_lasting_failed).between(begin, end)
    if not one.ok and one.stream:
        # The end that never came, from the last content until the stream was given up.
        starts = [at for at in (one.last, one.sent, one.due) if at is not None]
        end = max(one.ended, starts[0])
        found[end // SECOND_US].gaps_infinite += 1
        for number in throughout(starts[0], end):
            found[number].gaps_infinite_lasting += 1


def throughout(begin: int, end: int) -> range:
    """The seconds that a time lasts through from beginning to end."""
    return range(-(-begin // SECOND_US), end // SECOND_US)


def spread(begin: int, end: int) -> list[tuple[int, int]]:
    """How much of a time lies in each second."""
    numbers = range(begin // SECOND_US, -(-end // SECOND_US))
    return [(n, min(end, (n + 1) * SECOND_US) - max(begin, n * SECOND_US)) for n in numbers]


COUNTS = ("due", "missed", "sent", "ok", "failed", "good", "late", "violations")
OF_ROWS = ("response_time", "first_token", "token_gap")


def compare_seconds(book: Book, run: Run) -> None:
    """The columns of the digest, warm-up and measured part together."""
    ours, theirs, warm = run.digest["seconds"], rows(run.exchanges), rows(run.warmup)
    book.same("seconds.width_s", ours["width_s"], 1)
    book.same("seconds.begin_s", ours["begin_s"], list(theirs))
    if ours["begin_s"] != list(theirs):
        return
    for place, (number, row) in enumerate(theirs.items()):
        name = f"seconds[{number}]"
        begins_warm = number * SECOND_US < run.window[0]
        is_warm = begins_warm or number in warm and warm[number].due > 0
        book.same(f"{name}.warmup", ours["warmup"][place], is_warm)
        for count in COUNTS:
            book.same(f"{name}.{count}", ours[count][place], getattr(row, count))
        book.same(f"{name}.output_tokens", ours["output_tokens"][place], row.thousandths / 1000)
        book.same(f"{name}.in_flight", ours["in_flight"][place], row.in_flight_us / SECOND_US)
        for measure in OF_ROWS:
            for p in (50, 95):
                column = f"{measure}_p{p}_us"
                book.within(f"{name}.{column}", ours[column][place], getattr(row, measure).sketched(p))
