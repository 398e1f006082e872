"""Figures of a run beside its times: outcomes, shares, rates, tokens, splits, and what other tools would say."""

import json
from collections import Counter

from book import Book
from journal import Exchange, Run
from measures import MEASURES, Populations, compare_percentiles, compare_statistics, populations
from others import compare_tools
from times import Times

TURNS = 32
TEXT = 200


def share(part: float, of: float) -> float | None:
    return part / of if of else None


def total(exchanges: list[Exchange], count: str) -> float:
    """Tokens of a kind, each exchange's to a thousandth."""
    return sum(int(getattr(one.tokens, count) * 1000 + 0.5) for one in exchanges if one.tokens) / 1000


def unsent(run: Run) -> int:
    """Requests that no journal has, since they never were: the digest alone says how many."""
    return run.digest["outcomes"].get("unsent", 0)


def scalars(run: Run, exchanges: list[Exchange]) -> dict[str, float | None]:
    """Figures of the whole run or, those that are shares, of some exchanges."""
    done = [one for one in run.exchanges if one.completed]
    planned = len(run.measured) + unsent(run)
    ok, failed = sum(one.ok for one in exchanges), sum(one.failed for one in exchanges)
    arrived = sum(count for one in run.exchanges for at, count in one.deliveries if one.in_window(at)) / 1000
    is_told = any(one.tokens for one in exchanges)

    def rate(count: float) -> float | None:
        return count / run.window_s if run.window_s > 0 and planned else None

    return {
        "error_rate": share(failed, ok + failed),
        "violation_rate": share(sum(one.violating for one in exchanges), sum(one.status == 200 for one in exchanges)),
        "good_fraction": share(sum(one.good for one in exchanges), sum(one.accountable for one in exchanges)),
        "missed_fraction": share(
            sum(one.outcome == "missed" for one in exchanges), sum(one.accountable for one in exchanges)
        ),
        "requests_per_s": rate(len(done)),
        "good_requests_per_s": rate(sum(one.good for one in done)),
        "output_tokens_per_s": rate(arrived),
        "total_tokens_per_s": rate(arrived + total(done, "prompt")),
        "prompt_tokens": total(exchanges, "prompt") if is_told else None,
        "completion_tokens": total(exchanges, "completion") if is_told else None,
    }


def compare_facts(book: Book, run: Run) -> None:
    compare_requests(book, run)
    compare_rates(book, run)
    compare_timings(book, run)
    compare_tokens(book, run)
    compare_splits(book, run)
    compare_sessions(book, run)
    compare_checks(book, run)
    compare_flow(book, run)
    compare_pulze(book, run)
    compare_tools(book, run)


def compare_requests(book: Book, run: Run) -> None:
    digest, measured = run.digest, run.measured
    never = unsent(run)
    theirs = {
        "planned": len(measured) + never,
        "sent": sum(one.sent is not None for one in measured),
        "ok": sum(one.ok for one in measured),
        "good": sum(one.good for one in measured),
        "late": sum(one.late for one in measured),
        "failed": sum(one.failed for one in measured),
        "cut": sum(one.stopped for one in measured),
    }
    for name, count in theirs.items():
        book.same(f"requests.{name}", digest["requests"][name], count)
    book.same_counts("outcomes", digest["outcomes"], {**Counter(one.outcome for one in measured), "unsent": never})
    classes = Counter(f"{one.outcome}.{one.line['class']}" for one in measured if one.line["class"])
    book.same_counts("classes", digest["classes"], classes)
    book.same_counts("statuses", digest["statuses"], Counter(str(one.status) for one in measured if one.status))
    warm = digest["warmup"]
    never = warm["outcomes"].get("unsent", 0)
    outcomes = {**Counter(one.outcome for one in run.warmup), "unsent": never}
    book.same_counts("warmup.outcomes", warm["outcomes"], outcomes)
    book.same("warmup.planned", warm["planned"], sum(outcomes.values()))
    ours = {failure["text"]: failure["count"] for failure in digest["failures"]}
    if "(others)" not in ours:
        failures = Counter(failure(one) for one in run.exchanges if one.failed)
        book.same_counts("failures", ours, failures)


def failure(one: Exchange) -> str:
    """What went wrong, in the words of the report."""
    kind = f"({one.line['class']})" if one.line["class"] else ""
    cause = f": {one.cause}" if one.cause is not None else ""
    return f"{'warm-up: ' if one.warmup else ''}{one.outcome}{kind}{cause}"[:TEXT]


def compare_rates(book: Book, run: Run) -> None:
    digest, theirs = run.digest, scalars(run, run.measured)
    book.same("duration_s", digest["duration_s"], run.window_s)
    book.same("error_rate", digest["error_rate"], theirs["error_rate"])
    book.same("violation_rate", digest["violation_rate"], theirs["violation_rate"])
    book.same("requests.good_fraction", digest["requests"]["good_fraction"], theirs["good_fraction"])
    rates = digest["rates_per_s"]
    for name in ("requests", "good_requests", "output_tokens", "total_tokens"):
        book.same(f"rates_per_s.{name}", rates[name], theirs[f"{name}_per_s"])
    for name, edge in (("begin", lambda one: one.plan.window[0]), ("end", lambda one: one.plan.until)):
        crossing = sum(one.sent is not None and one.sent < edge(one) <= one.ended for one in run.exchanges)
        book.same(f"rates_per_s.in_flight_at_{name}", rates[f"in_flight_at_{name}"], crossing)


def compare_timings(book: Book, run: Run) -> None:
    for measure in MEASURES:
        found = populations(measure, run.measured)
        for population in ("ok", "failed", "all"):
            ours = run.digest["timings_us"][measure][population]
            compare_statistics(book, f"{measure}.{population}", ours, found, population)
    together = Times()
    for one in run.measured:
        for count in Counter(mark.arrival for mark in one.marks).values() if one.finite else ():
            together.add(count, count)
    compare_statistics(book, "events_per_arrival", run.digest["events_per_arrival"], Populations(ok=together), "ok")


def compare_tokens(book: Book, run: Run) -> None:
    ours, measured = run.digest["tokens"], run.measured
    prompt = total(measured, "prompt")
    book.same("tokens.prompt", ours["prompt"], prompt)
    book.same("tokens.completion", ours["completion"], total(measured, "completion"))
    book.same("tokens.cached_share", ours["cached_share"], share(total(measured, "cached"), prompt))
    book.same("tokens.withheld", ours["withheld"], sum(one.withheld for one in measured))
    sources = {one.tokens.source for one in measured if one.tokens}
    source = "mixed" if len(sources) > 1 else next(iter(sources), "none")
    book.same("tokens.source", ours["source"], source)
    claims = [one for one in measured if one.ok and one.tokens and one.tokens.source == "usage"]
    streams = [one for one in claims if one.reply.kind == "stream"]
    events = sum(len(one.marks) for one in streams)
    book.same("tokens.reasoning", ours["reasoning"], total(claims, "reasoning"))
    book.same("tokens.events", ours["events"], events)
    book.same("tokens.per_event", ours["per_event"], share(total(streams, "delivered"), events))
    beyond = sum(one.tokens.delivered > 4 * one.reply.characters + 64 for one in claims)
    book.same("tokens.implausible", ours["implausible"], beyond)
    compare_asked(book, "asked_prompts", ours, claims, "input_tokens", "prompt")
    compare_asked(book, "asked_answers", ours, claims, "output_tokens", "completion")
    sent = [json.dumps(one.asked["messages"]) for one in measured if one.sent is not None]
    distinct = len(set(sent)) / len(sent) if sent else 1.0
    book.same("prompts.distinct_share", run.digest["prompts"]["distinct_share"], distinct)


def compare_asked(book: Book, name: str, ours: dict, claims: list[Exchange], key: str, count: str) -> None:
    """Prompts or answers that were to have a length, beside what usage states."""
    lengths = [(one, length) for one in claims if (length := one.plan.cases[one.case].get(key))]
    book.same(f"tokens.{name}", ours[name] is None, not lengths)
    if lengths and ours[name]:
        asked = [one for one, _ in lengths]
        book.same(f"tokens.{name}.exchanges", ours[name]["exchanges"], len(asked))
        book.same(f"tokens.{name}.asked", ours[name]["asked"], sum(length for _, length in lengths) / len(asked))
        book.same(f"tokens.{name}.stated", ours[name]["stated"], total(asked, count) / len(asked))


def compare_splits(book: Book, run: Run) -> None:
    for kind, name in (("cases", lambda one: one.case), ("models", lambda one: one.model)):
        names = {name(one) for one in run.measured} - {None}
        book.same(kind, sorted(run.digest[kind]), sorted(names))
        for each in names & run.digest[kind].keys():
            some = [one for one in run.measured if name(one) == each]
            compare_share(book, f"{kind}[{each}]", run.digest[kind][each], some)


def compare_share(book: Book, figure: str, ours: dict, some: list[Exchange]) -> None:
    """The requests of a case, of a model or of a turn."""
    book.same(f"{figure}.requests", ours["requests"], len(some))
    for name in ("ok", "failed", "good", "late"):
        book.same(f"{figure}.{name}", ours[name], sum(getattr(one, name) for one in some))
    completion = total(some, "completion") if any(one.tokens for one in some) else None
    book.same(f"{figure}.output_tokens", ours["output_tokens"], completion)
    for measure in ("response_time", "first_token", "token_gap"):
        compare_percentiles(book, f"{figure}.{measure}", ours[f"{measure}_us"], populations(measure, some))


def turns_of(one: Exchange) -> int:
    return len(one.plan.cases[one.case].get("turns", ()))


def compare_sessions(book: Book, run: Run) -> None:
    within = [one for one in run.exchanges if turns_of(one) > 1]
    ours = run.digest["sessions"]
    book.same("sessions", ours is None, not within)
    if not within or ours is None:
        return
    begun = sum(one.turn == 1 for one in within)
    complete = sum(one.ok and one.turn == turns_of(one) for one in within)
    failed = sum(one.accountable and not one.ok for one in within)
    theirs = {"begun": begun, "complete": complete, "failed": failed, "cut": begun - complete - failed}
    for name, count in theirs.items():
        book.same(f"sessions.{name}", ours[name], count)
    measured = [one for one in within if not one.warmup]
    numbers = {str(min(one.turn, TURNS)) for one in measured}
    book.same("sessions.turns", sorted(ours["turns"]), sorted(numbers))
    for number in numbers & ours["turns"].keys():
        some = [one for one in measured if str(min(one.turn, TURNS)) == number]
        compare_share(book, f"sessions.turns[{number}]", ours["turns"][number], some)


def compare_checks(book: Book, run: Run) -> None:
    """How often rules on single replies were broken; what spans a run is left out. What the digest says to follow from
    another rule is in no other count of it, so that it is added to how often the rule was broken."""
    broken = Counter(rule for one in run.measured for rule in one.broken)
    must = Counter(rule for one in run.measured for rule in one.must_broken)
    for rule, ours in run.digest["checks"].items():
        if ours["across"] is None:
            follows = sum(ours.get("follows", {}).values()) if rule in broken else 0
            book.same(f"checks.{rule}.fail", ours["fail"] + follows, broken[rule])
            if not follows:
                book.same(f"checks.{rule}.must", ours["must"], must[rule])
    alone = {rule for rule, ours in run.digest["checks"].items() if not ours.get("follows")}
    warm = Counter(rule for one in run.warmup for rule in one.must_broken if rule in alone)
    ours = {rule: count for rule, count in run.digest["warmup"]["must_broken"].items() if rule in alone}
    book.same_counts("warmup.must_broken", ours, warm)


def compare_flow(book: Book, run: Run) -> None:
    """Little's law in the window, from the instants of requests; the client's own count is left out."""
    sent = [one for one in run.exchanges if one.sent is not None]
    ended = [one for one in sent if one.in_window(one.ended)]
    ours = run.digest["littles_law"]
    book.same("littles_law", ours is None, not ended)
    if not ended or ours is None:
        return
    later = [one for one in sent if one.ended >= one.plan.until]
    within = sum(overlap(one) for one in sent)
    before = sum(max(min(one.plan.window[0], one.ended) - one.sent, 0) for one in ended)
    spent = sum(one.ended - one.sent for one in ended)
    mean = 1 / 1e6 / run.window_s
    theirs = {
        "mean_in_flight": within * mean,
        "ended_per_s": len(ended) / run.window_s,
        "mean_service_time_s": spent / 1e6 / len(ended),
        "product": spent * mean,
        "edges": (sum(overlap(one) for one in later) - before) * mean,
    }
    for name, value in theirs.items():
        book.same(f"littles_law.{name}", ours[name], value)


def overlap(one: Exchange) -> int:
    """How much of the time that a request was in flight lies in the window."""
    return max(min(one.ended, one.plan.window[1]) - max(one.sent, one.plan.window[0]), 0)


def compare_pulze(book: Book, run: Run) -> None:
    """What Pulze's metadata adds up to."""
    found = [one.metadata for one in run.measured if one.metadata is not None]
    ours = run.digest["pulze"]
    book.same("pulze", ours is None, not found)
    if not found or ours is None:
        return
    retries = [metadata.get("retries") or 0 for metadata in found]
    theirs = {"replies": len(found), "retried": sum(count > 0 for count in retries), "retries": sum(retries)}
    for name, block in (("cost_nanodollars", "costs"), ("savings_nanodollars", "cost_savings")):
        dollars = [(metadata.get(block) or {}).get("total_tokens") or 0.0 for metadata in found]
        theirs[name] = sum(round(one * 1e9) for one in dollars)
    for name, value in theirs.items():
        book.same(f"pulze.{name}", ours[name], value)
