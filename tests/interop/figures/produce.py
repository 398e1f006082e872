"""Makes load runs of every kind, and has their figures worked out by another hand, from their journals alone."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from endpoint import BINARY, KEY, MODEL, Endpoint
from environment import CACHE, python
from figures.odd import Odd
from figures.runs import RUNS, Made
from tally import Tally

COMPARE = Path(__file__).resolve().with_name("compare.py")
KINDS = ["json", "vllm", "openmetrics", "csv", "totals", "hlog"]
SEED = 7
# So few do not disturb each other, and what they measure does not matter here.
AT_ONCE = 3
RUN_LIMIT_S = 60
COMPARE_LIMIT_S = 120


def figures(tally: Tally) -> None:
    folder = CACHE / "figures"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        jobs = {name: pool.submit(make, folder / name, run) for name, run in RUNS.items()}
    for name, job in jobs.items():
        if error := job.exception():
            tally.check(f"figures {name}", False, f"{type(error).__name__}: {error}")
    made = [str(folder / name) for name, job in jobs.items() if not job.exception()]
    line = [str(python("figures")), "-B", str(COMPARE), *made]
    done = subprocess.run(line, capture_output=True, text=True, timeout=COMPARE_LIMIT_S, check=False)
    for line in done.stdout.splitlines():
        tally.line(line)
    if done.returncode not in (0, 1) or not done.stdout:
        tally.check("figures", False, f"ended with {done.returncode}: {done.stderr[-600:]}")


def make(folder: Path, run: Made) -> None:
    """A run with its reports; of one in parts, that of each, and the whole."""
    if run.shards == 1:
        with endpoint(run) as url:
            carry_out(folder, run, url)
    else:
        folder.mkdir()
        parts = [folder / f"part-{number}" for number in range(1, run.shards + 1)]
        with endpoint(run) as url:
            for number, part in enumerate(parts, 1):
                carry_out(part, run, url, "--shard", f"{number}/{run.shards}", "--salt", "1")
        whole = folder / "whole"
        call(["merge", *map(str, parts), "--out", str(whole)])
        (whole / "summary.json").rename(folder / "summary.json")
    for kind in KINDS:
        form = ["--format", "json"] if kind == "json" else ["--as", kind]
        (folder / f"report.{kind}").write_text(call(["report", str(folder), *form]), encoding="utf-8", newline="")


@contextlib.contextmanager
def endpoint(run: Made) -> Iterator[str]:
    """Address of the endpoint that a run loads."""
    with Odd(SEED) if run.serve is None else Endpoint(run.dialect, *run.serve) as server:
        yield server.url


def carry_out(folder: Path, run: Made, url: str, *more: str) -> None:
    profile = folder.with_suffix(".toml")
    target = f'[target]\nurl = "{url}"\ndialect = "{run.dialect}"\nmodel = "{MODEL}"\nkey_env = "INTEROP_KEY"\n'
    limits = f"[limits]\n{run.limits}\n" if run.limits else ""
    goodput = "[goodput]\n" + "".join(f'{name} = "{limit}"\n' for name, limit in run.goodput.items())
    timeouts = f'timeouts = {{ total = "{run.total}" }}\n'
    head = f'name = "figures"\ngoals = {json.dumps(run.goals)}\n'
    parts = [head, target, timeouts, run.load, goodput, limits, *run.cases]
    profile.write_text("".join(parts), encoding="utf-8")
    line = ["run", str(profile), "--no-preflight", "--url", url, "--seed", str(SEED), "--quiet", "--journal=bodies"]
    if run.known:
        baseline = folder.with_suffix(".known.toml")
        entries = [f'[[known]]\ncheck = "{check}"\nreason = "an odd shape"\n' for check in run.known]
        baseline.write_text("".join(entries), encoding="utf-8")
        line += ["--baseline", str(baseline)]
    call([*line, "--out", str(folder), *run.flags, *more], run.interrupted_s)


def call(arguments: list[str], interrupted_s: float | None = None) -> str:
    """What proofload says; a run may fail, which is what some of them are for."""
    process = subprocess.Popen(
        [str(BINARY), *arguments],
        env={**os.environ, "INTEROP_KEY": KEY},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    try:
        out, said = process.communicate(timeout=interrupted_s or RUN_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT if interrupted_s else signal.SIGKILL)
        out, said = process.communicate(timeout=RUN_LIMIT_S)
    if process.returncode not in (0, 1, 3, 130):
        raise RuntimeError(f"{' '.join(arguments)}: ended with {process.returncode}: {said.strip()[-400:]}")
    return out
