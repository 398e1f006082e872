#!/usr/bin/env python3
"""What a judged request costs beside requests that nobody looks at.

Runs proofload, oha and wrk in turn against one `proofload serve`, several rounds, and prints the client's CPU time per
request from the operating system's accounting (user and system time of the process once it has ended), as medians and
as ratios to wrk. The endpoint runs on the same machine, so compare ratios of one run, never figures of two.

    cargo build --release && cargo install oha && apt-get install wrk
    python3 tests/bench/beside.py [--requests 20000] [--connections 64] [--rounds 3]

A tool that is not installed is left out, and said so."""

import argparse
import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile

BODY = {"model": "gpt-4o", "max_tokens": 64, "messages": [{"role": "user", "content": "Tell me about the river."}]}


def cpu_of(command):
    """Output and CPU seconds of a command; this process has no other child that ends meanwhile."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return done.stdout, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def proofload(binary, url, folder, options):
    profile = os.path.join(folder, "whole.toml")
    with open(profile, "w") as file:
        file.write(
            f'reuse = true\n[target]\nurl = "{url}"\nmodel = "gpt-4o"\nheaders = {{ authorization = "Bearer x" }}\n'
            f"[load.closed]\nslots = {options.connections}\ncount = {options.requests}\n"
            '[[case]]\nmax_tokens = 64\nmessages = [{ role = "user", content = "Tell me about the river." }]\n'
        )
    # It saturates its cores here and calls itself doubtful for it, so its exit code is not looked at.
    out, cpu = cpu_of([binary, "run", profile, "--no-out", "--quiet", "--format", "json"])
    digest = json.loads(out)
    if digest["requests"]["ok"] != options.requests:
        sys.exit(f"proofload: {digest['outcomes']} {digest['reasons']}")
    return options.requests, cpu


def oha(url, folder, options):
    command = ["oha", "--no-tui", "--output-format", "json", "-n", str(options.requests), "-c",
               str(options.connections), "-m", "POST", "-H", "content-type: application/json", "-H",
               "authorization: Bearer x", "-d", json.dumps(BODY), f"{url}/chat/completions"]
    out, cpu = cpu_of(command)
    statuses = json.loads(out)["statusCodeDistribution"]
    if statuses != {"200": options.requests}:
        sys.exit(f"oha: {statuses}")
    return statuses["200"], cpu


def wrk(url, folder, options):
    script = os.path.join(folder, "post.lua")
    with open(script, "w") as file:
        body = json.dumps(BODY)
        file.write(f"wrk.method = 'POST'\nwrk.body = [[{body}]]\nwrk.headers['Content-Type'] = 'application/json'\n"
                   "wrk.headers['Authorization'] = 'Bearer x'\n")
    out, cpu = cpu_of(["wrk", "-t1", f"-c{options.connections}", "-d5s", "-s", script, f"{url}/chat/completions"])
    if "Non-2xx" in out:
        sys.exit(f"wrk: {out}")
    return int(re.search(r"(\d+) requests in", out).group(1)), cpu


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--requests", type=int, default=20000)
    arguments.add_argument("--connections", type=int, default=64)
    arguments.add_argument("--rounds", type=int, default=3)
    options = arguments.parse_args()
    binary = os.environ.get("PROOFLOAD") or os.path.join(os.path.dirname(__file__), "..", "..", "target", "release", "proofload")
    served = subprocess.Popen([binary, "serve", "--listen", "127.0.0.1:0", "--dialect", "openai", "--first-token", "0ms",
                               "--token-gap", "0ms", "--spread", "0"], stdout=subprocess.PIPE, text=True)
    try:
        url = served.stdout.readline().split()[2]
        costs = {}
        with tempfile.TemporaryDirectory() as folder:
            tools = {"wrk": wrk, "oha": oha, "proofload": lambda *rest: proofload(binary, *rest)}
            for name in [name for name in ("wrk", "oha") if not shutil.which(name)]:
                print(f"{name} is not installed, left out")
                del tools[name]
            for _ in range(options.rounds):
                for name, run in tools.items():
                    requests, cpu = run(url, folder, options)
                    costs.setdefault(name, []).append(cpu / requests * 1e6)
    finally:
        served.terminate()
        served.wait()
    base = statistics.median(costs["wrk"]) if "wrk" in costs else None
    print(f"{'client':10} {'CPU us a request':>17} {'least':>7} {'most':>7} {'to wrk':>7}")
    for name, values in costs.items():
        ratio = f"{statistics.median(values) / base:7.2f}" if base else "      -"
        print(f"{name:10} {statistics.median(values):17.1f} {min(values):7.1f} {max(values):7.1f} {ratio}")


if __name__ == "__main__":
    main()
