#!/usr/bin/env python3
"""What load tools say of an endpoint whose truth is known, side by side.

Three trials against one `proofload serve`, whose own log (`--truth`) says when it read each request and when it wrote
each piece of the answer:

freezing   open load of 50 requests a second; the server is stopped (SIGSTOP) for 2 of every 12 seconds. What users wait
           is known: a request that is due within the freeze waits for its end.
stopped    the same load on a healthy server; the client is stopped for one second. The server was as fast as ever.
streams    128 and 500 streams at once, tokens 20 ms apart: how far percentiles of first token and token gap are off.

    cargo build --release && python3 tests/bench/side_by_side.py [freezing] [stopped] [streams] [--seconds 36]

proofload is always run; oha (with and without --latency-correction), wrk and AIPerf where they are found: on the path, or
by the variables OHA, WRK and AIPERF. Who is not there is left out, and said so. On a busy machine the figures are worth
nothing."""

import argparse
import json
import math
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

import tools
from tools import Server, percentile

RATE = 50
EVERY, FROZEN = 12.0, 2.0


def summed(values):
    return [percentile(values, share) for share in (0.5, 0.95, 0.99, 1.0)]


def show(name, figures, note=""):
    cells = "".join(f"{value:>10.1f}" if value is not None and not math.isnan(value) else f"{'-':>10}" for value in figures)
    print(f"{name:28}{cells}  {note}".rstrip())


def run(command, server, stop_after=None):
    """Output of a client; with `stop_after`, it is stopped for a second then."""
    server.begin()
    # A group of its own: some tools are many processes.
    client = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    if stop_after:
        # From its first answer on: some tools take long to begin.
        while client.poll() is None and len(open(server.log).readlines()) < 2:
            time.sleep(0.1)
        time.sleep(stop_after)
        os.killpg(client.pid, signal.SIGSTOP)
        time.sleep(1.0)
        os.killpg(client.pid, signal.SIGCONT)
    try:
        return client.communicate(timeout=tools.LONGEST)
    except subprocess.TimeoutExpired:
        os.killpg(client.pid, signal.SIGKILL)
        client.communicate()
        return "", f"no end within {tools.LONGEST} s"


def proofload(url, folder, seconds):
    return tools.proofload(url, folder, f'[load.open]\nrate = {RATE}\nduration = "{seconds}s"', "max_tokens = 16")


def of_proofload(out, _):
    digest = json.loads(out)
    times = digest["timings_us"]["response_time"]["all"]
    trust = digest["trust"]
    note = f"{digest['requests']['ok']} ok, trust: {'; '.join([trust['verdict'], *trust['reasons']])}"
    return [times[name] / 1000 if times[name] is not None else math.nan for name in ("p50", "p95", "p99", "max")], note


def of_oha(out, _):
    found = json.loads(out)
    latency = [found["latencyPercentiles"][name] for name in ("p50", "p95", "p99")] + [found["summary"]["slowest"]]
    return [value * 1000 for value in latency], f"{sum(found['statusCodeDistribution'].values())} replies"


def of_wrk(out, _):
    count = re.search(r"(\d+) requests in", out).group(1)
    return [float(value) / 1000 for value in re.findall(r"^P\s+(\S+)", out, re.M)], f"{count} requests, as fast as answers came"


def waited(due, freezes, service):
    """What a user waits whose request is due then."""
    for began, ended in freezes:
        if began <= due < ended:
            return (ended - due) * 1000 + service
    return service


def trial(title, known, options, freezes, stop_after):
    print(f"\n{title}\n{'response time in ms':28}{'p50':>10}{'p95':>10}{'p99':>10}{'max':>10}")
    for name, command, read in known:
        with tempfile.TemporaryDirectory() as folder:
            server = Server(folder, ["--first-token", "constant:20ms", "--token-gap", "constant:1ms"], freezes=freezes)
            out, err = run(command(server.url, folder), server, stop_after)
            requests = server.end()
            try:
                figures, note = read(out, folder)
            except (KeyError, ValueError, OSError, AttributeError) as error:
                show(name, [], f"gave no report ({error}): {err.strip()[-200:]}")
                continue
        show(name, figures, note)
        began = requests[0]["read"] / 1000
        service = percentile([r["ended"] - r["read"] for r in requests], 0.5)
        if freezes:
            dues = [began + number / RATE for number in range(int(options.seconds * RATE))]
            show("  what users waited", summed([waited(due, server.freezes, service) for due in dues]))
        show("  the server's own log", summed([r["ended"] - r["read"] for r in requests]), f"{len(requests)} requests")


def open_tools(options):
    seconds = options.seconds
    known = [("proofload", lambda url, folder: proofload(url, folder, seconds), of_proofload)]
    if options.oha:
        asked = ["-q", str(RATE), "-z", f"{seconds}s", "-c", "200", "-w"]
        for name, more in (("oha", []), ("oha --latency-correction", ["--latency-correction"])):
            known.append((name, lambda url, _, more=more: tools.oha(options.oha, url, asked + more), of_oha))
    if options.wrk:
        # It knows no rate: as many connections as keep about the same number of requests going.
        known.append(("wrk", lambda url, folder: tools.wrk(options.wrk, url, folder, ["-c4", f"-d{seconds}s"]), of_wrk))
    if options.aiperf:
        load = ["--request-rate", str(RATE), "--request-rate-mode", "constant", "--request-count", str(RATE * seconds)]
        known.append(("AIPerf", lambda url, folder: tools.aiperf(options.aiperf, url, folder, load, 16), of_aiperf_open))
    if options.guidellm:
        profile, until = f"kind=constant,rate={RATE}", f"kind=max_duration,seconds={seconds}"
        ask = lambda url, folder: tools.guidellm(options.guidellm, url, folder, profile, until, 16, True)
        known.append(("guidellm", ask, of_guidellm_open))
    return known


def of_aiperf_open(_, folder):
    found = tools.of_aiperf(folder)["request_latency"]
    return [found[name] for name in ("p50", "p95", "p99", "max")], ""


def of_guidellm_open(_, folder):
    found = tools.of_guidellm(folder, "request_latency")
    return [found[name] * 1000 for name in ("p50", "p95", "p99", "max")], ""


def streamed(url, folder, streams):
    return tools.proofload(url, folder, f"[load.closed]\nconcurrency = {streams}\ncount = {2 * streams}",
                           "stream = true\nmax_tokens = 100")


def of_streamed(out, _):
    digest = json.loads(out)
    times = digest["timings_us"]
    figures = [times[measure]["ok"][name] for measure in ("first_token_from_sent", "token_gap") for name in ("p50", "p95", "p99")]
    trust = digest["trust"]
    return [value / 1000 for value in figures], "; ".join([trust["verdict"], *trust["reasons"]])


def of_aiperf(_, folder):
    found = tools.of_aiperf(folder)
    figures = [found["time_to_first_token"][name] for name in ("p50", "p95", "p99")]
    # Its inter-token latency is a mean for each request, not a gap.
    each = [found["inter_token_latency"][name] for name in ("p50", "p95", "p99")]
    return figures + each, "token gap: means of requests"


def of_guidellm(_, folder):
    first, each = (tools.of_guidellm(folder, name) for name in ("time_to_first_token_ms", "inter_token_latency_ms"))
    return [times[name] for times in (first, each) for name in ("p50", "p95", "p99")], "token gap: means of requests"


def streams_trial(options):
    known = [("proofload", streamed, of_streamed)]
    if options.aiperf:
        load = lambda streams: ["--concurrency", str(streams), "--request-count", str(2 * streams)]
        ask = lambda url, folder, streams: tools.aiperf(options.aiperf, url, folder, load(streams), 100)
        known.append(("AIPerf", ask, of_aiperf))
    if options.guidellm:
        until = lambda streams: f"kind=max_requests,count={2 * streams}"
        ask = lambda url, folder, streams: tools.guidellm(
            options.guidellm, url, folder, f"kind=concurrent,streams={streams}", until(streams), 100, True)
        known.append(("guidellm", ask, of_guidellm))
    head = "".join(f"{name:>10}" for name in ("ttft p50", "p95", "p99", "gap p50", "p95", "p99"))
    for streams in options.streams:
        print(f"\n{streams} streams at once, first token after 200 ms, gaps of 20 ms\n{'ms':28}{head}")
        for name, command, read in known:
            with tempfile.TemporaryDirectory() as folder:
                delays = ["--first-token", "constant:200ms", "--token-gap", "constant:20ms", "--tokens", "100"]
                server = Server(folder, delays)
                out, err = run(command(server.url, folder, streams), server)
                requests = server.end()
                try:
                    figures, note = read(out, folder)
                except (KeyError, ValueError, OSError) as error:
                    show(name, [], f"gave no report ({error}): {err.strip()[-200:]}")
                    continue
            # Of an answer's events the first is its role, and the last three its finish, its usage and [DONE].
            first = [r["written"][1] - r["read"] for r in requests if len(r["written"]) > 4]
            gaps = [b - a for r in requests for a, b in zip(r["written"][1:-3], r["written"][2:-3])]
            truth = [percentile(times, share) for times in (first, gaps) for share in (0.5, 0.95, 0.99)]
            show(name, figures, note)
            show("  the server's own log", truth, f"{len(requests)} streams")
            show("  off by", [figure - true for figure, true in zip(figures, truth)])


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("trials", nargs="*", metavar="TRIAL", help="freezing, stopped, streams; all of them without any")
    arguments.add_argument("--seconds", type=int, default=36, help="how long the open load lasts")
    arguments.add_argument("--streams", type=int, nargs="+", default=[128, 500])
    options = arguments.parse_args()
    known = ["freezing", "stopped", "streams"]
    if unknown := [trial for trial in options.trials if trial not in known]:
        sys.exit(f"no trial is called {unknown[0]}; known are {', '.join(known)}")
    options.oha, options.wrk = tools.found("oha"), tools.found("wrk")
    options.aiperf, options.guidellm = tools.found("aiperf"), tools.found("guidellm")
    trials = options.trials or known
    if "freezing" in trials:
        title = f"freezing: {RATE} requests a second for {options.seconds} s, the server frozen {FROZEN:.0f} of {EVERY:.0f} s"
        trial(title, open_tools(options), options, (EVERY, FROZEN), None)
    if "stopped" in trials:
        title = f"stopped: {RATE} requests a second for {options.seconds} s, the client stopped for one second"
        trial(title, open_tools(options), options, None, options.seconds / 2)
    if "streams" in trials:
        streams_trial(options)


if __name__ == "__main__":
    main()
