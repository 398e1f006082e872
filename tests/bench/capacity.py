#!/usr/bin/env python3
"""The capacity of a server, as proofload finds it: a run at 90 % of the answer must hold the goals, one at 130 % must not.

usage: capacity.py URL MODEL KEY [--goal 'first_token.p95 < 100ms'] [--run 60s]

BUILT says where the program is, target/profiling without it. Exit code 0 if both are so.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROFILE = """goals = ["{goal}", "error_rate < 1%", "violation_rate <= 100%"]
[target]
url = "{url}"
model = "{model}"
key_env = "PROOFLOAD_API_KEY"
[load.open]
rate = {rate}
arrivals = "poisson"
duration = "{duration}"
warmup = "1s"
[capacity]
stage = "5s"
confirm = "4s"
cooldown = "500ms"
[[case]]
name = "short"
stream = true
max_tokens = 16
messages = [{{ role = "user", content = "{{{{unique}}}} Tell me about the river that runs past the old mill." }}]
"""


def proofload(key, *arguments):
    binary = Path(os.environ.get("BUILT", "target/profiling")) / "proofload"
    environment = {**os.environ, "PROOFLOAD_API_KEY": key}
    return subprocess.run([binary, *arguments], env=environment, capture_output=True, text=True, check=False)


def search(options, folder):
    profile = folder / "search.toml"
    profile.write_text(PROFILE.format(**vars(options), rate=4, duration="5s"))
    began = time.monotonic()
    done = proofload(options.key, "capacity", profile, "--format", "json", "--out", folder / "found")
    if not done.stdout:
        sys.exit(done.stderr)
    found = json.loads(done.stdout)
    answer = found["answer"]
    spent = sum(stage["requests"] for stage in found["stages"])
    print(f"proofload: {answer['rate_per_s']}/s ({answer['low']} to {answer['high']}), {answer['limit']}, "
          f"{', '.join(answer['breaks_first'])}; {len(found['stages'])} stages, {spent} requests, "
          f"{time.monotonic() - began:.0f} s; exit {done.returncode}: {answer['ended']}")
    return answer["rate_per_s"]


def check(options, folder, rate, share):
    profile = folder / f"at-{share:.0%}.toml"
    profile.write_text(PROFILE.format(**vars(options), rate=round(rate * share, 3), duration=options.run))
    done = proofload(options.key, "run", profile, "--format", "json", "--out", folder / f"run-{share:.0%}")
    if not done.stdout:
        sys.exit(done.stderr)
    goals = json.loads(done.stdout)["goals"]
    held = all(goal["held"] for goal in goals)
    print(f"  at {share:.0%}, {rate * share:.2f}/s: exit {done.returncode}, goals {'hold' if held else 'break'}")
    return held


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("url", "model", "key"):
        parser.add_argument(name)
    parser.add_argument("--goal", default="first_token.p95 < 100ms")
    parser.add_argument("--run", default="60s", help="how long the two runs last")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        rate = search(options, Path(name))
        if rate is None:
            sys.exit("no rate holds the goals")
        below, above = (check(options, Path(name), rate, share) for share in (0.9, 1.3))
    sys.exit(0 if below and not above else 1)


if __name__ == "__main__":
    main()
