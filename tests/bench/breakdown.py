#!/usr/bin/env python3
"""Where the client's CPU time of a judged whole reply goes.

The whole is measured as `beside.py` does, on replies of the pulze dialect. The steps of judging are timed one by one on
the reply of Pulze's page (`tests/bench/cost.rs`), which has the same members; what is left is transport: sending,
receiving, pacing, and whatever is done once a run.

    cargo build --release && cargo build --release --example cost
    python3 tests/bench/breakdown.py [--requests 20000]"""

import argparse
import json
import os
import statistics
import sys
import tempfile

import tools

ROUNDS = 5
TIMES = 20000


def step(name):
    """CPU microseconds of a step of judging, without what its start costs."""
    binary = os.environ.get("COST", os.path.join(tools.ROOT, "target", "release", "examples", "cost"))
    if not os.access(binary, os.X_OK):
        sys.exit(f"{binary} is not built; cargo build --release --example cost builds it")
    few, many = (min(timed([binary, name, str(times)]) for _ in range(ROUNDS)) for times in (1, TIMES))
    return (many - few) / TIMES * 1e6


def timed(command):
    done = tools.run(command)
    if done.err:
        sys.exit(f"{' '.join(command)}: {done.err}")
    return done.cpu_s


def whole(requests):
    load = f"[load.closed]\nconcurrency = 64\ncount = {requests}"
    with tempfile.TemporaryDirectory() as folder:
        delays = ["--first-token", "0ms", "--token-gap", "0ms", "--spread", "0"]
        server = tools.Server(folder, delays, core=0, truth=False, dialect="pulze")
        try:
            done = [tools.run(tools.proofload(server.url, folder, load, "max_tokens = 64", "pulze")) for _ in range(ROUNDS)]
        finally:
            server.end()
    if any(json.loads(each.out)["requests"]["ok"] != requests for each in done):
        sys.exit(f"proofload: {done[0].out[:500]}")
    return statistics.median(each.cpu_s for each in done) / requests * 1e6


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--requests", type=int, default=20000)
    options = arguments.parse_args()
    total = whole(options.requests)
    parse, schema, read, judge, record = (step(name) for name in ("parse", "schema", "read-reply", "judge-reply", "record-reply"))
    rows = {
        "transport": total - judge - record,
        "parsing": parse,
        "reading": read - parse,
        "schema": schema,
        "checks": judge - read - schema,
        "recording": record,
    }
    for name, value in rows.items():
        print(f"{name:10} {value:6.1f} us {100 * value / total:5.0f} %")
    print(f"{'whole':10} {total:6.1f} us")


if __name__ == "__main__":
    main()
