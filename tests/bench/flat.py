#!/usr/bin/env python3
"""Whether a run stays as small as it was, and starts at once however long it is.

Memory of the client (VmRSS) after one minute and after ten of the same load, 200 whole replies and streams a second; the
same of a plan of a billion requests, of which one second is carried out; and the time from `exec` until the first
request of the quickstart profile is sent.

    cargo build --release && python3 tests/bench/flat.py [--minutes 10]"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time

import tools

ROUNDS = 20


def resident_mb(pid):
    for line in open(f"/proc/{pid}/status"):
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise KeyError("VmRSS")


def memory(minutes):
    with tempfile.TemporaryDirectory() as folder:
        server = tools.Server(folder, ["--first-token", "20ms", "--token-gap", "2ms"], truth=False)
        load = f'[load.open]\nrate = 200\nduration = "{minutes * 60 + 5}s"'
        case = 'max_tokens = 16\nmessages = [{ role = "user", content = "{{unique}} hello" }]\n[[case]]\nstream = true\nmax_tokens = 16'
        command = tools.proofload(server.url, folder, load, case)
        client = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        began = time.monotonic()
        figures = []
        for minute in sorted({1, minutes}):
            time.sleep(max(began + minute * 60 - time.monotonic(), 0))
            figures.append(resident_mb(client.pid))
            print(f"memory after {minute} min: {figures[-1]:.1f} MB", flush=True)
        digest = json.loads(client.communicate()[0])
        server.end()
    print(f"memory: {(figures[-1] / figures[0] - 1) * 100:+.1f} %, over {digest['requests']['ok']:,} judged replies")


def billion():
    with tempfile.TemporaryDirectory() as folder:
        server = tools.Server(folder, ["--first-token", "0ms", "--token-gap", "0ms"], truth=False)
        load = '[load.open]\nrate = 1000\ncount = 1000000000\n[limits]\nmax_time = "1s"'
        done = tools.run(tools.proofload(server.url, folder, load, "max_tokens = 1"))
        server.end()
    digest = json.loads(done.out)
    print(f"a billion requests: {digest['requests']['ok']} ok within 1 s, over after {done.wall_s:.2f} s, "
          f"{done.peak_mb:.1f} MB at the most, report of {len(done.out):,} bytes")


def start():
    waits = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(ROUNDS):
            kept = os.path.join(folder, str(number))
            began = time.time()
            tools.run([tools.proofload_binary(), "run", "quickstart", "--no-preflight", "--duration", "2s", "--quiet", "--out", kept])
            # The first request is due when the clock of the run starts.
            started = json.load(open(os.path.join(kept, "summary.json")))["meta"]["started_unix_ms"]
            waits.append(started - began * 1000)
    print(f"from exec to the first request: {statistics.median(waits):.1f} ms ({min(waits):.1f} to {max(waits):.1f})")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--minutes", type=int, default=10)
    options = arguments.parse_args()
    start()
    billion()
    memory(options.minutes)


if __name__ == "__main__":
    main()
