#!/usr/bin/env python3
"""proofload beside other load tools, on one endpoint whose truth is known.

Whole replies and streams, over 16, 128 and 512 connections, against one `proofload serve`: first token after 50 ms, 20
tokens 10 ms apart. For each tool: replies a second, CPU time a reply by the operating system's accounting, and its
median of first token, token gap and end, beside what the server's own log says of the very same requests.

    cargo build --release && cargo install oha && apt-get install wrk && pip install locust aiperf guidellm
    python3 tests/bench/field.py [--connections 16 128 512] [--tools proofload oha ...] [--markdown]

A tool that is not installed is left out, and said so. What a tool does not say is shown as `-`. Everything runs on one
machine, so a tool that takes more of it slows the endpoint too: the server's log shows that."""

import argparse
import json
import math
import os
import re
import statistics
import tempfile

import tools
from tools import percentile

TOKENS = 20
DELAYS = ["--first-token", "constant:50ms", "--token-gap", "constant:10ms", "--tokens", str(TOKENS)]
# Requests for each connection; and how long tools run that know no count.
EACH, SECONDS = 30, 10


def proofload(_, server, folder, connections, stream):
    load = f"[load.closed]\nconcurrency = {connections}\ncount = {connections * EACH}"
    case = f"stream = {'true' if stream else 'false'}\nmax_tokens = {TOKENS}"
    done = tools.run(tools.proofload(server.url, folder, load, case))
    times = json.loads(done.out)["timings_us"]
    median = lambda name: times[name]["ok"]["p50"] / 1000 if stream else math.nan
    return done, [median("first_token_from_sent"), median("token_gap"), times["service_time"]["ok"]["p50"] / 1000]


def body(stream):
    return {**tools.BODY, "max_tokens": TOKENS, **({"stream": True} if stream else {})}


def oha(binary, server, _, connections, stream):
    asked = ["-n", str(connections * EACH), "-c", str(connections)]
    done = tools.run(tools.oha(binary, server.url, asked, body(stream)))
    return done, [math.nan, math.nan, json.loads(done.out)["latencyPercentiles"]["p50"] * 1000]


def wrk(binary, server, folder, connections, stream):
    done = tools.run(tools.wrk(binary, server.url, folder, [f"-c{connections}", f"-d{SECONDS}s"], body(stream)))
    return done, [math.nan, math.nan, float(re.search(r"^P\s+(\S+)", done.out, re.M).group(1)) / 1000]


def locust(binary, server, folder, connections, stream):
    out = os.path.join(folder, "locust.json")
    env = {"STREAM": "1" if stream else "0", "BODY": json.dumps(body(stream)), "HEADERS": json.dumps(tools.HEADERS), "OUT": out}
    host = server.url.removesuffix("/v1")
    users = ["-u", str(connections), "-r", str(connections), "-t", f"{SECONDS}s", "--host", host]
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "locustfile.py")
    done = tools.run([binary, "-f", script, "--headless", "--only-summary", *users], env)
    times = json.load(open(out))
    return done, [percentile(times[name], 0.5) for name in ("first", "gap", "end")]


def aiperf(binary, server, folder, connections, stream):
    load = ["--concurrency", str(connections), "--request-count", str(connections * EACH)]
    command = tools.aiperf(binary, server.url, folder, load, TOKENS)
    done = tools.run(command if stream else [part for part in command if part != "--streaming"])
    found = tools.of_aiperf(folder)
    median = lambda name: found[name]["p50"] if found.get(name) else math.nan
    return done, [median("time_to_first_token"), median("inter_token_latency"), median("request_latency")]


def guidellm(binary, server, folder, connections, stream):
    profile, until = f"kind=concurrent,streams={connections}", f"kind=max_requests,count={connections * EACH}"
    done = tools.run(tools.guidellm(binary, server.url, folder, profile, until, TOKENS, stream))
    median = lambda name: tools.of_guidellm(folder, name)["p50"] if stream else math.nan
    end = tools.of_guidellm(folder, "request_latency")["p50"] * 1000
    return done, [median("time_to_first_token_ms"), median("inter_token_latency_ms"), end]


TOOLS = {"proofload": proofload, "oha": oha, "wrk": wrk, "locust": locust, "aiperf": aiperf, "guidellm": guidellm}


def truth(requests, stream):
    """Medians of the server's own log: first token, token gap, end."""
    end = [r["ended"] - r["read"] for r in requests]
    if not stream:
        return [math.nan, math.nan, statistics.median(end)]
    # Of an answer's events the first is its role, and the last three its finish, its usage and [DONE].
    whole = [r for r in requests if len(r["written"]) > 4]
    gaps = [b - a for r in whole for a, b in zip(r["written"][1:], r["written"][2:-2])]
    return [statistics.median(r["written"][1] - r["read"] for r in whole), statistics.median(gaps), statistics.median(end)]


def measure(name, binary, connections, stream):
    with tempfile.TemporaryDirectory() as folder:
        server = tools.Server(folder, DELAYS)
        try:
            done, said = TOOLS[name](binary, server, folder, connections, stream)
        finally:
            requests = server.end()
    # Between the first request and the last end, whatever a tool does before and after.
    span = (max(r["ended"] for r in requests) - requests[0]["read"]) / 1000
    most = busiest(requests)
    return len(requests) / span, done.cpu_s / len(requests) * 1e6, most, said, truth(requests, stream)


def busiest(requests):
    """Most requests at once."""
    edges = sorted([(r["read"], 1) for r in requests] + [(r["ended"], -1) for r in requests])
    most = now = 0
    for _, step in edges:
        now += step
        most = max(most, now)
    return most


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--connections", type=int, nargs="+", default=[16, 128, 512])
    arguments.add_argument("--tools", nargs="+", choices=TOOLS, default=list(TOOLS))
    arguments.add_argument("--markdown", action="store_true", help="as a table of Markdown")
    options = arguments.parse_args()
    paths = {name: True if name == "proofload" else tools.found(name) for name in options.tools}
    head = ["kind", "asked", "tool", "at once", "replies/s", "CPU us", "first", "true", "gap", "true", "end", "true"]
    row = (lambda cells: "| " + " | ".join(cells) + " |") if options.markdown else (lambda cells: " ".join(f"{cell:>9}" for cell in cells))
    print(row(head))
    if options.markdown:
        print(row(["---"] * len(head)))
    number = lambda value: "-" if math.isnan(value) else f"{value:.1f}"
    for stream in (False, True):
        for connections in options.connections:
            for name in options.tools:
                if not paths[name]:
                    continue
                cells = ["stream" if stream else "whole", str(connections), name]
                try:
                    rate, cpu, most, said, true = measure(name, paths[name], connections, stream)
                except (KeyError, ValueError, OSError, IndexError, AttributeError, StopIteration) as error:
                    print(row([*cells, f"gave no report: {type(error).__name__} {error}"]), flush=True)
                    continue
                pairs = [number(value) for pair in zip(said, true) for value in pair]
                print(row([*cells, str(most), f"{rate:.0f}", f"{cpu:.0f}", *pairs]), flush=True)


if __name__ == "__main__":
    main()
