#!/usr/bin/env python3
"""Whether an answer of `proofload capacity` is one that holds, on any endpoint.

Searches for the highest rate that keeps the goals, and then carries out a run at 90 % of it, which should keep them, and
one at 130 %, which should not.

    cargo build --release
    python3 tests/bench/capacity_holds.py --url http://127.0.0.1:8080/v1 --model NAME [--key KEY] [--goal GOAL ...]

On one machine with the endpoint, give each its cores (`taskset`): what the endpoint takes from the client makes every
stage doubtful, and what the client takes from the endpoint changes the answer."""

import argparse
import json
import os
import subprocess
import sys
import tempfile

import tools

GOALS = ["response_time.p95 < 1s", "error_rate < 1%", "violation_rate <= 100%"]


def profile(options, folder):
    path = os.path.join(folder, "holds.toml")
    key = f'headers = {{ authorization = "Bearer {options.key}" }}\n' if options.key else ""
    keep_alive = "false" if options.no_keep_alive else "true"
    with open(path, "w") as file:
        file.write(f'goals = {json.dumps(options.goal or GOALS)}\n[target]\nurl = "{options.url}"\ndialect = "openai"\n'
                   f'model = "{options.model}"\nkeep_alive = {keep_alive}\n{key}'
                   f'[load.open]\nrate = {options.rate}\nduration = "10s"\nwarmup = "2s"\ngrace = "10s"\n'
                   f'[capacity]\nstage = "5s"\nconfirm = "{options.confirm}"\nto = 2000\n'
                   f'[[case]]\nstream = true\nmax_tokens = {options.tokens}\n'
                   'messages = [{ role = "user", content = "{{unique}} hello world" }]\n')
    return path


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--url", required=True)
    arguments.add_argument("--model", required=True)
    arguments.add_argument("--key")
    arguments.add_argument("--goal", action="append")
    arguments.add_argument("--rate", type=float, default=4, help="the first rate, per second")
    arguments.add_argument("--tokens", type=int, default=32)
    arguments.add_argument("--seconds", type=int, default=40, help="length of either run")
    arguments.add_argument("--confirm", default="6s", help="of the search; it lasts up to ten times that")
    arguments.add_argument("--no-keep-alive", action="store_true", help="where the endpoint closes connections unannounced")
    arguments.add_argument("--max-time", default="10m", help="of the search")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = profile(options, folder)
        search = [tools.proofload_binary(), "capacity", path, "--out", os.path.join(folder, "search"), "--format", "json",
                  "--max-time", options.max_time]
        done = subprocess.run(search, stdout=subprocess.PIPE, text=True)
        if not done.stdout:
            sys.exit("the search left no answer")
        record = json.loads(done.stdout)
        answer = record["answer"]
        print(f"search: exit {done.returncode}, {answer['rate_per_s']}/s ({answer['low']} to {answer['high']}), {answer['trust']}; "
              f"{len(record['stages'])} stages, {sum(stage['requests'] for stage in record['stages'])} requests, "
              f"{sum(stage['took_s'] for stage in record['stages']):.0f} s; breaks first: {answer['breaks_first']}")
        if not answer["rate_per_s"]:
            sys.exit("no rate holds")
        for share in (0.9, 1.3):
            rate = answer["rate_per_s"] * share
            run = [tools.proofload_binary(), "run", path, "--no-preflight", "--rate", f"{rate:.3f}", "--duration", f"{options.seconds}s",
                   "--no-out", "--quiet", "--format", "json"]
            done = subprocess.run(run, stdout=subprocess.PIPE, text=True)
            digest = json.loads(done.stdout)
            goals = [f"{goal['goal']}: {'held' if goal['held'] else 'broken'}" for goal in digest["goals"]]
            print(f"{share:.0%} of it: exit {done.returncode}, {digest['trust']['verdict']}, {'; '.join(goals)}")


if __name__ == "__main__":
    main()
