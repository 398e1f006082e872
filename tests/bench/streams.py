#!/usr/bin/env python3
"""What a judged event of a stream costs.

dense     streams without pauses: judged events for each second of CPU time that the client spends
paced     2,000 streams whose tokens are 100 ms apart: the client's CPU time per event, beside wrk, which only reads bytes
many      10,000 streams at once, tokens 1 s apart, started over 20 s: whether one is lost, how late requests were, how
          late tokens were read, and memory a stream

    cargo build --release && apt-get install wrk && python3 tests/bench/streams.py [dense] [paced] [many]

The endpoint, `proofload serve`, is a process of its own on the same machine. `many` needs 10,000 file descriptors in each
process. On a busy machine the figures are worth nothing."""

import argparse
import json
import re
import resource
import statistics
import sys
import tempfile

import tools

ROUNDS = 3


def streamed(url, folder, slots, count, tokens, extra=""):
    """Runs so many streams; its report, and what it cost."""
    load = f"[load.closed]\nconcurrency = {slots}\ncount = {count}\n{extra}"
    done = tools.run(tools.proofload(url, folder, load, f"stream = true\nmax_tokens = {tokens}"))
    if not done.out.strip():
        sys.exit(f"proofload: {done.err}")
    digest = json.loads(done.out)
    if digest["requests"]["ok"] != count:
        sys.exit(f"proofload: {digest['outcomes']} {digest['reasons']}")
    return digest, done


def dense():
    tokens, count = 2000, 400
    with tempfile.TemporaryDirectory() as folder:
        server = tools.Server(folder, ["--first-token", "0ms", "--token-gap", "0ms", "--tokens", str(tokens)], core=0, truth=False)
        try:
            # What a run costs that reads next to nothing is no cost of events.
            idle = min(streamed(server.url, folder, 8, 8, 1)[1].cpu_s for _ in range(ROUNDS))
            rates = []
            for _ in range(ROUNDS):
                cpu = streamed(server.url, folder, 8, count, tokens)[1].cpu_s
                rates.append(tokens * count / (cpu - idle))
        finally:
            server.end()
    print(f"dense: {statistics.median(rates):,.0f} judged events a second of CPU ({min(rates):,.0f} to {max(rates):,.0f}), "
          f"{count} streams of {tokens} tokens")


def paced():
    tokens, streams = 100, 2000
    binary = tools.found("wrk")
    costs = {}
    with tempfile.TemporaryDirectory() as folder:
        delays = ["--first-token", "constant:200ms", "--token-gap", "constant:100ms", "--tokens", str(tokens)]
        server = tools.Server(folder, delays, core=0, truth=False)
        body = {**tools.BODY, "max_tokens": tokens, "stream": True}
        try:
            for _ in range(ROUNDS):
                cpu = streamed(server.url, folder, streams, streams, tokens)[1].cpu_s
                costs.setdefault("proofload", []).append(cpu / (streams * tokens) * 1e6)
                if binary:
                    # As long as one round of streams and half of the next; what was read is counted in bytes.
                    done = tools.run(tools.wrk(binary, server.url, folder, [f"-c{streams}", "-d16s"], body))
                    amount, unit = re.search(r"requests in \S+, ([\d.]+)([KMG])B read", done.out).groups()
                    read = float(amount) * {"K": 2**10, "M": 2**20, "G": 2**30}[unit]
                    costs.setdefault("wrk", []).append(done.cpu_s / (read / event_bytes(server.url, body)) * 1e6)
        finally:
            server.end()
    medians = {name: statistics.median(values) for name, values in costs.items()}
    for name, values in costs.items():
        ratio = f", {medians[name] / medians['wrk']:.2f} of wrk" if "wrk" in medians else ""
        print(f"paced: {name:10} {medians[name]:6.1f} us of CPU an event ({min(values):.1f} to {max(values):.1f}){ratio}")


def event_bytes(url, body):
    """Bytes on the wire for each token of a stream, chunk sizes included."""
    import socket
    from urllib.parse import urlparse

    place, text = urlparse(url), json.dumps(body)
    with socket.create_connection((place.hostname, place.port)) as stream:
        head = "".join(f"{name}: {value}\r\n" for name, value in tools.HEADERS.items())
        stream.sendall(f"POST /v1/chat/completions HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n{head}"
                       f"content-length: {len(text)}\r\n\r\n{text}".encode())
        read = sum(len(piece) for piece in iter(lambda: stream.recv(65536), b""))
    return read / body["max_tokens"]


def many():
    streams, tokens = 10_000, 40
    with tempfile.TemporaryDirectory() as folder:
        delays = ["--first-token", "constant:1s", "--token-gap", "constant:1s", "--tokens", str(tokens)]
        server = tools.Server(folder, delays, core=0)
        try:
            one = streamed(server.url, folder, 1, 1, 1)[1].peak_mb
            digest, done = streamed(server.url, folder, streams, streams, tokens, 'ramp = "20s"')
        finally:
            requests = server.end()
    gaps = [b - a for r in requests for a, b in zip(r["written"][1:-3], r["written"][2:-3])]
    lateness, gap = digest["timings_us"]["lateness"]["all"], digest["timings_us"]["token_gap"]["ok"]
    print(f"many: {digest['requests']['ok']:,} of {streams:,} streams ok, {len(requests):,} complete in the server's log; "
          f"trust: {'; '.join([digest['trust']['verdict'], *digest['trust']['reasons']])}")
    print(f"many: lateness p99 {lateness['p99'] / 1000:.2f} ms; token gap p50 {gap['p50'] / 1000:.2f} ms, "
          f"p99 {gap['p99'] / 1000:.2f} ms (the server wrote {tools.percentile(gaps, 0.5):.2f}, {tools.percentile(gaps, 0.99):.2f})")
    print(f"many: {(done.peak_mb - one) * 1024 / streams:.1f} KiB of client memory a stream at the most, {done.cpu_s:.1f} s of CPU")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("trials", nargs="*", metavar="TRIAL", help="dense, paced, many; all of them without any")
    options = arguments.parse_args()
    known = {"dense": dense, "paced": paced, "many": many}
    if unknown := [trial for trial in options.trials if trial not in known]:
        sys.exit(f"no trial is called {unknown[0]}; known are {', '.join(known)}")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536) if hard != resource.RLIM_INFINITY else 65536, hard))
    for trial in options.trials or known:
        known[trial]()


if __name__ == "__main__":
    main()
