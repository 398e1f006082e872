#!/usr/bin/env python3
"""What a judged request costs beside requests that nobody looks at.

Runs wrk, oha and proofload in turn against one `proofload serve` on a core of its own, several rounds, and prints the
client's CPU time per request from the operating system's accounting (user and system time of the process once it has
ended), as medians and as ratios. The endpoint runs on the same machine, so compare ratios of one run, never figures of
two.

    cargo build --release && cargo install oha && apt-get install wrk
    python3 tests/bench/beside.py [--requests 20000] [--connections 64] [--rounds 3]

A tool that is not installed is left out, and said so."""

import argparse
import json
import re
import statistics
import sys
import tempfile

import tools

BODY = {**tools.BODY, "max_tokens": 64}


def proofload(url, folder, options):
    load = f"[load.closed]\nconcurrency = {options.connections}\ncount = {options.requests}"
    # It saturates its core here and calls itself doubtful for it, so its exit code is not looked at.
    done = tools.run(tools.proofload(url, folder, load, f"max_tokens = {BODY['max_tokens']}"))
    digest = json.loads(done.out)
    if digest["requests"]["ok"] != options.requests:
        sys.exit(f"proofload: {digest['outcomes']} {digest['reasons']}")
    return options.requests, done.cpu_s


def oha(url, _, options):
    asked = ["-n", str(options.requests), "-c", str(options.connections)]
    done = tools.run(tools.oha(options.oha, url, asked, BODY))
    statuses = json.loads(done.out)["statusCodeDistribution"]
    if statuses != {"200": options.requests}:
        sys.exit(f"oha: {statuses}")
    return statuses["200"], done.cpu_s


def wrk(url, folder, options):
    done = tools.run(tools.wrk(options.wrk, url, folder, [f"-c{options.connections}", "-d5s"], BODY))
    if "Non-2xx" in done.out:
        sys.exit(f"wrk: {done.out}")
    return int(re.search(r"(\d+) requests in", done.out).group(1)), done.cpu_s


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--requests", type=int, default=20000)
    arguments.add_argument("--connections", type=int, default=64)
    arguments.add_argument("--rounds", type=int, default=3)
    options = arguments.parse_args()
    options.oha, options.wrk = tools.found("oha"), tools.found("wrk")
    known = [("wrk", options.wrk, wrk), ("oha", options.oha, oha), ("proofload", True, proofload)]
    costs = {name: [] for name, there, _ in known if there}
    with tempfile.TemporaryDirectory() as folder:
        server = tools.Server(folder, ["--first-token", "0ms", "--token-gap", "0ms", "--spread", "0"], core=0, truth=False)
        try:
            for _ in range(options.rounds):
                for name, there, ask in known:
                    if there:
                        requests, cpu = ask(server.url, folder, options)
                        costs[name].append(cpu / requests * 1e6)
        finally:
            server.end()
    medians = {name: statistics.median(values) for name, values in costs.items()}
    ratio = lambda name, to: f"{medians[name] / medians[to]:7.2f}" if to in medians else f"{'-':>7}"
    print(f"{'client':10} {'CPU us a request':>17} {'least':>7} {'most':>7} {'to wrk':>7} {'to oha':>7}")
    for name, values in costs.items():
        print(f"{name:10} {medians[name]:17.1f} {min(values):7.1f} {max(values):7.1f} {ratio(name, 'wrk')} {ratio(name, 'oha')}")


if __name__ == "__main__":
    main()
