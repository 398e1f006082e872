"""Reads the reports of load runs with a browser and with the libraries of those whose formats they are.

    readers.py FOLDER SECRET

Prints a line for each scenario. Screenshots of the pages are left beside them.
"""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import zstandard
from hdrh.log import HistogramLogReader
from hdrh.histogram import HdrHistogram
from junitparser import JUnitXml
from playwright.sync_api import sync_playwright
from prometheus_client.openmetrics.parser import text_string_to_metric_families

MEGABYTE = 1_000_000
SIZES = {"wide": (1280, 900), "phone": (390, 844)}
# Pictures that a run of streams has, whatever it measured.
PICTURES = {"rate", "outcomes", "response-time", "response-time-heat", "first-token", "percentiles", "token-times"}
PICTURES |= {"cases", "in-flight", "lateness", "client-cpu", "client-heartbeat", "client-memory"}

failed = False


def check(name: str, holds: bool, said: object) -> None:
    global failed
    failed |= not holds
    print(f"{'ok   ' if holds else 'FAIL '} {name}: {str(said)[:400]}", flush=True)


def chromium() -> str:
    """Debian's Chromium, installed if it is not there."""
    for name in ["chromium", "chromium-browser", "google-chrome"]:
        if found := shutil.which(name):
            return found
    root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    for step in [["update"], ["install", "-y", "--no-install-recommends", "chromium"]]:
        subprocess.run([*root, "apt-get", *step], check=True, capture_output=True)
    return shutil.which("chromium") or "chromium"


def pages(folder: Path) -> None:
    """Each page in both colour schemes, wide and on a phone: it renders, is silent, and asks for nothing."""
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        for name in ["good", "hostile", "compared"]:
            page = folder / name / "report.html"
            check(f"page {name}: size", 10_000 < page.stat().st_size < MEGABYTE, f"{page.stat().st_size} bytes")
            for scheme in ["light", "dark"]:
                for size, (width, height) in SIZES.items():
                    look(browser, page, f"{name}-{scheme}-{size}", scheme, width, height)
        browser.close()


def look(browser, page: Path, name: str, scheme: str, width: int, height: int) -> None:
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": height})
    tab = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(page.as_uri(), wait_until="load")
    tab.screenshot(path=str(page.parent / f"{name}.png"), full_page=True)
    asked = [url for url in asked if url != page.as_uri() and not url.startswith("data:")]
    check(f"page {name}: silent", not said, said or "nothing on the console")
    check(f"page {name}: alone", not asked, asked or "no request leaves the file")
    shown = tab.evaluate(
        """() => ({
            title: document.title,
            scripts: document.querySelectorAll('script, img, iframe, object, link[rel=stylesheet]').length,
            pictures: [...document.querySelectorAll('svg[role=img]')].map(svg => [
                svg.closest('figure').id, svg.getBoundingClientRect().width,
                svg.querySelector('title').textContent, svg.querySelector('desc').textContent]),
            tables: document.querySelectorAll('figure details table').length,
            beyond: document.documentElement.scrollWidth - document.documentElement.clientWidth,
            paper: getComputedStyle(document.body).backgroundColor,
            smallest: Math.min(...[...document.querySelectorAll('svg text')]
                .map(text => text.getBoundingClientRect().height).filter(height => height > 0)),
            ids: [...document.querySelectorAll('[id]')].map(element => element.id),
        })"""
    )
    check(f"page {name}: nothing was obeyed", "owned" != shown["title"] and shown["scripts"] == 0, shown["title"])
    pictures = {picture[0] for picture in shown["pictures"]}
    described = all(width > 200 and title and words for _, width, title, words in shown["pictures"])
    check(f"page {name}: pictures", described and len(pictures) == shown["tables"], sorted(pictures))
    if "good" in name:
        check(f"page {name}: all pictures", PICTURES <= pictures, sorted(PICTURES - pictures))
        check(f"page {name}: text is legible", shown["smallest"] >= 9, f"{shown['smallest']:.1f} px high")
    check(f"page {name}: no wider than the screen", shown["beyond"] <= 0, f"{shown['beyond']} px beyond")
    check(f"page {name}: ids are unique", len(set(shown["ids"])) == len(shown["ids"]), len(shown["ids"]))
    dark = sum(map(int, shown["paper"].strip("rgb()").split(","))) < 200
    check(f"page {name}: colours of the scheme", dark == (scheme == "dark"), shown["paper"])
    context.close()


def formats(folder: Path, name: str) -> None:
    """Every other format, read by its own library."""
    reports = folder / f"{name}-reports"
    digest = json.loads((reports / "json").read_text())
    planned = digest["requests"]["planned"]

    junit = JUnitXml.fromfile(str(reports / "junit"))
    suites = {suite.name: list(suite) for suite in junit}
    cases = [case.name for case in suites["goals"]]
    green = junit.failures == junit.errors == 0
    counted = len(cases) == 1 + len(digest["goals"]) and len(suites["checks"]) > 20
    check(f"{name} junit", counted and green == (digest["verdict"] == "pass"), cases)

    families = {family.name: family for family in text_string_to_metric_families((reports / "openmetrics").read_text())}
    requests = sum(sample.value for sample in families["proofload_requests"].samples)
    check(f"{name} openmetrics", requests == planned, f"{len(families)} families, {requests:.0f} requests")

    totals = list(csv.DictReader(io.StringIO((reports / "totals").read_text(), newline="")))
    seconds = list(csv.DictReader(io.StringIO((reports / "csv").read_text(), newline="")))
    due = sum(int(row["due"]) - int(row["warmup"]) for row in seconds)
    check(f"{name} csv", len(totals) == 1 and int(totals[0]["planned"]) == planned == due, f"{due} due of {planned}")

    vllm = json.loads((reports / "vllm").read_text())
    wanted = {f"{what}_{of}_ms" for what in ["mean", "median", "std", "p99"] for of in ["ttft", "tpot", "itl", "e2el"]}
    # It knows streams only.
    streams = digest["metrics_as"]["vllm"]["latency"]["us"]["count"]
    check(f"{name} vllm", wanted <= set(vllm) and vllm["completed"] == streams, f"{vllm['completed']} completed")

    hlog(reports / "hlog", name, digest)
    journal(folder / name / "exchanges.jsonl.zst", name, digest)


def hlog(path: Path, name: str, digest: dict) -> None:
    """HdrHistogram's own reader adds the intervals up to what the run counted."""
    whole = HdrHistogram(1, 3_600_000_000_000, 3)
    reader = HistogramLogReader(str(path), whole)
    lines = 0
    while (interval := reader.get_next_interval_histogram()) is not None:
        if interval.get_tag() == "response_time":
            whole.add(interval)
        lines += 1
    timing = digest["timings_us"]["response_time"]["ok"]
    # The warm-up is in the log, and not in the digest.
    enough = whole.get_total_count() >= timing["count"]
    median = whole.get_value_at_percentile(50) / 1000
    near = timing["count"] == 0 or abs(median - timing["p50"]) < 0.5 * timing["p50"]
    check(f"{name} hlog", enough and near, f"{lines} lines, {whole.get_total_count()} times, p50 {median:.0f} us")


def journal(path: Path, name: str, digest: dict) -> None:
    """Zstandard's own library reads it, a line for each exchange, and no secret is in it."""
    with path.open("rb") as file:
        text = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True).read().decode()
    *lines, last = [json.loads(line) for line in text.splitlines()]
    everything = digest["requests"]["planned"] + digest["warmup"]["planned"]
    whole = len({line["seq"] for line in lines}) == everything == last["journal"]["written"]
    bodies = all("request" in line and "reply" in line for line in lines if line["sent_us"] is not None)
    check(f"{name} journal", whole and bodies and last["journal"]["dropped"] == 0, f"{len(lines)} of {everything}; {last}")
    check(f"{name} journal keeps secrets", sys.argv[2] not in text, f"{len(text)} characters")


def secrets(folder: Path, secret: str) -> None:
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".png"]
    told = [path.name for path in files if secret.encode() in path.read_bytes()]
    check("secrets", not told, told or f"in none of {len(files)} files")


def main() -> int:
    folder = Path(sys.argv[1])
    for part in [lambda: formats(folder, "good"), lambda: formats(folder, "hostile"), lambda: pages(folder)]:
        try:
            part()
        except Exception as error:  # A reader that cannot read has failed, and the others still run.
            check(type(error).__name__, False, error)
    secrets(folder, sys.argv[2])
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
