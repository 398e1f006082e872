"""The reports that other programs read, held against the journal: vllm, openmetrics, csv, totals and hlog."""

import csv
import io
import json
import math
import re

import numpy

from book import Book
from facts import scalars, total
from hlog import intervals
from journal import Run
from measures import MEASURES, Populations, populations, slack, statistic
from others import measured
from seconds import OF_ROWS, SECOND_US, rows
from times import PERCENTILES, Bounds, middle

SAMPLE = re.compile(r"proofload_([a-z_]+)(?:\{(.*)\})? (\S+)")
# OpenMetrics' names; a row of totals has our own.
RATIOS = {
    "error_ratio": "error_rate",
    "violation_ratio": "violation_rate",
    "good_ratio": "good_fraction",
    "requests_per_second": "requests_per_s",
    "good_requests_per_second": "good_requests_per_s",
    "output_tokens_per_second": "output_tokens_per_s",
    "tokens_per_second": "total_tokens_per_s",
}
COLUMNS = ("due", "sent", "ok", "good", "late", "failed", "missed", "violations")
# Nanoseconds of a microsecond, and how exact three digits are.
NS = 1000
EXACT = 1 / 1000


def compare_exports(book: Book, run: Run) -> None:
    compare_vllm(book, run)
    compare_openmetrics(book, run)
    compare_csv(book, run)
    compare_totals(book, run)
    compare_hlog(book, run)


def scaled(bounds: Bounds | None, by: float) -> Bounds | None:
    return bounds and (bounds[0] * by, bounds[1] * by)


def compare_vllm(book: Book, run: Run) -> None:
    ours, theirs = json.loads(run.report("vllm")), measured("vllm", run)
    counts = {
        "num_prompts": run.digest["requests"]["planned"],
        "completed": len(theirs.latency),
        "failed": sum(one.failed for one in run.measured),
        "total_input_tokens": round(theirs.prompt),
        "total_output_tokens": round(theirs.output),
        "duration": theirs.span_s,
        "request_throughput": theirs.per_second(len(theirs.latency)),
        "request_goodput": theirs.per_second(sum(one.good for one in run.measured)),
        "output_throughput": theirs.per_second(theirs.output),
        "total_token_throughput": theirs.per_second(theirs.prompt + theirs.output),
        "max_output_tokens_per_s": max((row.thousandths for row in rows(run.measured).values()), default=0) / 1000,
    }
    for name, value in counts.items():
        book.same(f"vllm {name}", ours[name], value)
    of_names = {"ttft": "first_token", "tpot": "per_token", "itl": "gap", "e2el": "latency"}
    for name, figure in of_names.items():
        found = Populations(ok=getattr(theirs, figure))
        for shown, own in {"median": "p50", **dict(zip(PERCENTILES, PERCENTILES))}.items():
            value = statistic(found, "ok", own)
            book.within(f"vllm {shown}_{name}_ms", ours[f"{shown}_{name}_ms"], scaled(value, 1e-3), slack(value) / 1e3)
        mean = scaled(statistic(found, "ok", "mean"), 1e-3)
        book.within(f"vllm mean_{name}_ms", ours[f"mean_{name}_ms"], mean, 1e-9)
        # Of times that are each as exact as three digits are.
        highs = found.ok.highs
        deviation = (float(highs.std()) / 1e3,) * 2 if len(highs) else None
        open_to = (highs[-1] * EXACT + 1) / 1e3 if len(highs) else 0.0
        book.within(f"vllm std_{name}_ms", ours[f"std_{name}_ms"], deviation, open_to)


def compare_openmetrics(book: Book, run: Run) -> None:
    lines = [line for line in run.report("openmetrics").splitlines() if not line.startswith("#")]
    ours = {(found[1], found[2]): float(found[3]) for line in lines if (found := SAMPLE.fullmatch(line))}
    for outcome, count in run.digest["outcomes"].items():
        if outcome != "unsent":
            theirs = sum(one.outcome == outcome for one in run.measured)
            book.same(f"openmetrics requests {outcome}", ours.get(("requests", f'outcome="{outcome}"')), theirs)
    for name in ("good", "late"):
        theirs = sum(getattr(one, name) for one in run.measured)
        book.same(f"openmetrics {name}_requests", ours.get((f"{name}_requests", None)), theirs)
    shares = scalars(run, run.measured)
    for name, own in RATIOS.items():
        book.same(f"openmetrics {name}", ours.get((name, None)), shares[own])
    for measure in MEASURES:
        found = populations(measure, run.measured)
        for p in PERCENTILES.values():
            value = statistic(found, "all", f"p{p:g}")
            shown = ours.get((f"{measure}_seconds", f'percentile="{p / 100:g}"'))
            endless = value is not None and math.isinf(value[0])
            shown = None if endless and shown == math.inf else shown
            book.within(f"openmetrics {measure} p{p:g}", shown, scaled(value, 1e-6), slack(value) / 1e6)
    broken = {label: count for (name, label), count in ours.items() if name == "broken_checks"}
    shown = {f'check="{rule}",level="{one["level"]}"': one["fail"] for rule, one in run.digest["checks"].items()}
    book.same_counts("openmetrics broken_checks", broken, shown)
    held = {label: count for (name, label), count in ours.items() if name == "goal_held"}
    goals = {f'goal="{goal["goal"]}"': float(goal["held"]) for goal in run.digest["goals"]}
    book.same_counts("openmetrics goal_held", held, goals)


def compare_csv(book: Book, run: Run) -> None:
    """A row for each second."""
    table = list(csv.DictReader(io.StringIO(run.report("csv"), newline="")))
    theirs, warm = rows(run.exchanges), rows(run.warmup)
    book.same("csv seconds", [int(row["second"]) for row in table], list(theirs))
    if len(table) != len(theirs):
        return
    for ours, (number, row) in zip(table, theirs.items()):
        name = f"csv[{number}]"
        book.same(f"{name}.length_s", int(ours["length_s"]), 1)
        for column in COLUMNS:
            book.same(f"{name}.{column}", int(ours[column]), getattr(row, column))
        book.same(f"{name}.warmup", int(ours["warmup"]), warm[number].due if number in warm else 0)
        book.within(f"{name}.output_tokens", float(ours["output_tokens"]), (row.thousandths / 1000,) * 2, 1e-6)
        in_flight = row.in_flight_us / SECOND_US
        book.within(f"{name}.mean_in_flight", float(ours["mean_in_flight"]), (in_flight, in_flight), 0.00050001)
        for measure in OF_ROWS:
            times = getattr(row, measure)
            book.same(f"{name}.{measure}_count", int(ours[f"{measure}_count"]), len(times))
            for p in (50, 90, 99):
                column = f"{measure}_p{p}_us"
                book.within(f"{name}.{column}", float(ours[column]) if ours[column] else None, times.sketched(p))


def compare_totals(book: Book, run: Run) -> None:
    """One row for the run."""
    table = list(csv.DictReader(io.StringIO(run.report("totals"), newline="")))
    book.same("totals rows", len(table), 1)
    ours, shares, requests = table[0], scalars(run, run.measured), run.digest["requests"]
    for name in ("planned", "sent", "ok", "good", "late", "failed"):
        book.same(f"totals {name}", int(ours[name]), requests[name])
    for name in RATIOS.values():
        book.same(f"totals {name}", number(ours[name]), shares[name])
    for name in ("prompt", "completion"):
        book.same(f"totals {name}_tokens", number(ours[f"{name}_tokens"]), total(run.measured, name))
    book.same("totals duration_s", number(ours["duration_s"]), run.window_s)
    for measure in MEASURES:
        found = populations(measure, run.measured)
        times, infinite = found.of("all")
        count = len(times) + infinite
        book.same(f"totals {measure}_count", int(ours[f"{measure}_count"]), count)
        for name in ("mean", *PERCENTILES, "max"):
            shown, value = ours[f"{measure}_{name}_us"], statistic(found, "all", name)
            endless = value is not None and math.isinf(value[1])
            book.same(f"totals {measure}_{name} is infinite", shown == "inf", endless)
            if not endless:
                open_to = {"mean": 0.5, "max": 0.0}.get(name, slack(value))
                book.within(f"totals {measure}_{name}", number(shown), value, open_to)


def number(text: str) -> float | None:
    return float(text) if text else None


def compare_hlog(book: Book, run: Run) -> None:
    """A histogram for each second of the measured part and each measure, in nanoseconds."""
    ours = {(tag, second): values for tag, second, values in intervals(run.report("hlog"))}
    theirs = {
        (measure, second): getattr(row, measure)
        for second, row in rows(run.measured).items()
        for measure in OF_ROWS
        if len(getattr(row, measure))
    }
    book.same("hlog lines", sorted(ours), sorted(theirs))
    for line in ours.keys() & theirs.keys():
        values, times = ours[line], theirs[line]
        book.same(f"hlog {line}.count", len(values), len(times))
        if len(values) == len(times):
            lows = numpy.array([middle(int(us)) for us in times.lows]) * NS * (1 - EXACT) - 1
            highs = numpy.array([middle(int(us)) for us in times.highs]) * NS * (1 + EXACT) + 1
            inside = (lows <= values) & (values <= highs)
            book.check(f"hlog {line}", bool(inside.all()), values[~inside][:3], [lows[~inside][:3], highs[~inside][:3]])
