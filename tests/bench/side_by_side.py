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
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
RATE = 50
EVERY, FROZEN = 12.0, 2.0
# Beyond the load itself, a tool that has not ended by then never will.
LONGEST = 300
BODY = {"model": "gpt-4o", "max_tokens": 16, "messages": [{"role": "user", "content": "Tell me about the river."}]}
HEADERS = {"content-type": "application/json", "authorization": "Bearer x"}


def percentile(values, share):
    """By nearest rank, as proofload does."""
    ordered = sorted(values)
    return ordered[max(math.ceil(share * len(ordered)), 1) - 1] if ordered else math.nan


def summed(values):
    return [percentile(values, share) for share in (0.5, 0.95, 0.99, 1.0)]


def show(name, figures, note=""):
    cells = "".join(f"{value:>10.1f}" if value is not None and not math.isnan(value) else f"{'-':>10}" for value in figures)
    print(f"{name:28}{cells}  {note}".rstrip())


class Server:
    """`proofload serve` with its log; a thread freezes it where that is wanted."""

    def __init__(self, binary, folder, delays, freezes=False):
        self.log = os.path.join(folder, "truth.jsonl")
        command = [binary, "serve", "--listen", "127.0.0.1:0", "--dialect", "openai", "--truth", self.log, *delays]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().split()[2]
        self.over = threading.Event()
        self.freezes = []
        self.thread = threading.Thread(target=self.freeze) if freezes else None

    def begin(self):
        if self.thread:
            self.thread.start()

    def freeze(self):
        while not self.over.wait(EVERY - FROZEN):
            began = time.time()
            self.process.send_signal(signal.SIGSTOP)
            self.over.wait(FROZEN)
            self.process.send_signal(signal.SIGCONT)
            self.freezes.append((began, time.time()))

    def end(self):
        """Stops it, and gives its requests in the order in which it read them, times in milliseconds since 1970."""
        self.over.set()
        if self.thread:
            self.thread.join()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        lines = [json.loads(line) for line in open(self.log)]
        start = lines[0]["started_unix_us"]
        at = lambda us: (start + us) / 1000
        requests = [
            {"read": at(line["read_us"]), "ended": at(line["ended_us"]), "written": [at(us) for us in line["written_us"]]}
            for line in lines[1:]
            if line["outcome"] == "complete"
        ]
        return sorted(requests, key=lambda request: request["read"])


def run(command, server, stop_after=None):
    """Output of a client; with `stop_after`, it is stopped for a second then."""
    server.begin()
    # A group of its own: some tools are many processes.
    client = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    if stop_after:
        time.sleep(stop_after)
        client.send_signal(signal.SIGSTOP)
        time.sleep(1.0)
        client.send_signal(signal.SIGCONT)
    try:
        return client.communicate(timeout=LONGEST)
    except subprocess.TimeoutExpired:
        os.killpg(client.pid, signal.SIGKILL)
        client.communicate()
        return "", f"no end within {LONGEST} s"


def proofload(binary, url, folder, seconds):
    profile = os.path.join(folder, "open.toml")
    with open(profile, "w") as file:
        file.write(
            f'reuse = true\n[target]\nurl = "{url}"\ndialect = "openai"\nmodel = "gpt-4o"\n'
            f'headers = {{ authorization = "Bearer x" }}\n[load.open]\nrate = {RATE}\nduration = "{seconds}s"\n'
            '[[case]]\nmax_tokens = 16\nmessages = [{ role = "user", content = "Tell me about the river." }]\n'
        )
    return [binary, "run", profile, "--no-out", "--quiet", "--format", "json"]


def of_proofload(out):
    digest = json.loads(out)
    times = digest["timings_us"]["response_time"]["all"]
    trust = digest["trust"]
    note = f"{digest['requests']['ok']} ok, trust: {'; '.join([trust['verdict'], *trust['reasons']])}"
    return [times[name] / 1000 if times[name] is not None else math.nan for name in ("p50", "p95", "p99", "max")], note


def oha(binary, url, seconds, corrected):
    command = [binary, "--no-tui", "--output-format", "json", "-q", str(RATE), "-z", f"{seconds}s", "-c", "200", "-w", "-m",
               "POST", "-d", json.dumps(BODY)]
    for name, value in HEADERS.items():
        command += ["-H", f"{name}: {value}"]
    return command + (["--latency-correction"] if corrected else []) + [f"{url}/chat/completions"]


def of_oha(out):
    found = json.loads(out)
    latency = [found["latencyPercentiles"][name] for name in ("p50", "p95", "p99")] + [found["summary"]["slowest"]]
    return [value * 1000 for value in latency], f"{sum(found['statusCodeDistribution'].values())} replies"


def wrk(binary, url, folder, seconds):
    script = os.path.join(folder, "post.lua")
    with open(script, "w") as file:
        headers = "".join(f"wrk.headers['{name}'] = '{value}'\n" for name, value in HEADERS.items())
        percentiles = "for _, p in ipairs({50, 95, 99}) do print('P', latency:percentile(p)) end print('P', latency.max)"
        file.write(f"wrk.method = 'POST'\nwrk.body = [[{json.dumps(BODY)}]]\n{headers}"
                   f"function done(summary, latency, requests) {percentiles} end\n")
    # It knows no rate: as many connections as keep about the same number of requests going.
    return [binary, "-t1", "-c4", f"-d{seconds}s", "--timeout", "10s", "-s", script, f"{url}/chat/completions"]


def of_wrk(out):
    count = re.search(r"(\d+) requests in", out).group(1)
    return [float(value) / 1000 for value in re.findall(r"^P\s+(\S+)", out, re.M)], f"{count} requests, as fast as answers came"


def waited(due, freezes, service):
    """What a user waits whose request is due then."""
    for began, ended in freezes:
        if began <= due < ended:
            return (ended - due) * 1000 + service
    return service


def trial(title, tools, options, freezes, stop_after):
    print(f"\n{title}\n{'response time in ms':28}{'p50':>10}{'p95':>10}{'p99':>10}{'max':>10}")
    for name, command, read in tools:
        with tempfile.TemporaryDirectory() as folder:
            server = Server(options.binary, folder, ["--first-token", "constant:20ms", "--token-gap", "constant:1ms"], freezes)
            began = time.time()
            out, err = run(command(server.url, folder), server, stop_after)
            requests = server.end()
        if not out.strip():
            show(name, [], f"gave no report: {err.strip()[-200:]}")
            continue
        figures, note = read(out)
        show(name, figures, note)
        service = percentile([r["ended"] - r["read"] for r in requests], 0.5)
        if freezes:
            dues = [began + number / RATE for number in range(int(options.seconds * RATE))]
            show("  what users waited", summed([waited(due, server.freezes, service) for due in dues]))
        show("  the server's own log", summed([r["ended"] - r["read"] for r in requests]), f"{len(requests)} requests")


def open_tools(options):
    seconds = options.seconds
    tools = [("proofload", lambda url, folder: proofload(options.binary, url, folder, seconds), of_proofload)]
    if options.oha:
        tools.append(("oha", lambda url, _: oha(options.oha, url, seconds, False), of_oha))
        tools.append(("oha --latency-correction", lambda url, _: oha(options.oha, url, seconds, True), of_oha))
    if options.wrk:
        tools.append(("wrk", lambda url, folder: wrk(options.wrk, url, folder, seconds), of_wrk))
    return tools


def streamed(binary, url, folder, streams):
    profile = os.path.join(folder, "streams.toml")
    with open(profile, "w") as file:
        file.write(
            f'[target]\nurl = "{url}"\ndialect = "openai"\nmodel = "gpt-4o"\nheaders = {{ authorization = "Bearer x" }}\n'
            f"[load.closed]\nslots = {streams}\ncount = {2 * streams}\n"
            '[[case]]\nstream = true\nmax_tokens = 100\n'
            'messages = [{ role = "user", content = "{{unique}} Tell me about the river." }]\n'
        )
    return [binary, "run", profile, "--no-out", "--quiet", "--format", "json"]


def of_streamed(out, _):
    digest = json.loads(out)
    times = digest["timings_us"]
    figures = [times[measure]["ok"][name] for measure in ("first_token_from_sent", "token_gap") for name in ("p50", "p95", "p99")]
    trust = digest["trust"]
    return [value / 1000 for value in figures], "; ".join([trust["verdict"], *trust["reasons"]])


def aiperf(binary, url, folder, streams):
    # It wants a tokenizer from a folder even where the server counts; any will do.
    tokenizer = os.path.join(folder, "tokenizer")
    os.mkdir(tokenizer)
    shutil.copy(os.path.join(ROOT, "tests/it/tokenizers/bytelevel.json"), os.path.join(tokenizer, "tokenizer.json"))
    with open(os.path.join(tokenizer, "tokenizer_config.json"), "w") as file:
        json.dump({"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|end|>"}, file)
    return [binary, "profile", "--model", "gpt-4o", "--url", url.removesuffix("/v1"), "--endpoint-type", "chat", "--streaming",
            "--api-key", "x", "--concurrency", str(streams), "--request-count", str(2 * streams), "--tokenizer", tokenizer,
            "--use-server-token-count", "--synthetic-input-tokens-mean", "20", "--extra-inputs", "max_tokens:100",
            "--artifact-dir", os.path.join(folder, "aiperf"), "--ui", "none"]


def of_aiperf(_, folder):
    for place, _, files in os.walk(os.path.join(folder, "aiperf")):
        if "profile_export_aiperf.json" in files:
            found = json.load(open(os.path.join(place, "profile_export_aiperf.json")))
            figures = [found["time_to_first_token"][name] for name in ("p50", "p95", "p99")]
            # Its inter-token latency is a mean for each request, not a gap.
            each = [found["inter_token_latency"][name] for name in ("p50", "p95", "p99")]
            return figures + each, "token gap: means of requests"
    raise KeyError("no report")


def streams_trial(options):
    tools = [("proofload", streamed, options.binary, of_streamed)]
    if options.aiperf:
        tools.append(("AIPerf", aiperf, options.aiperf, of_aiperf))
    head = "".join(f"{name:>10}" for name in ("ttft p50", "p95", "p99", "gap p50", "p95", "p99"))
    for streams in options.streams:
        print(f"\n{streams} streams at once, first token after 200 ms, gaps of 20 ms\n{'ms':28}{head}")
        for name, command, binary, read in tools:
            with tempfile.TemporaryDirectory() as folder:
                delays = ["--first-token", "constant:200ms", "--token-gap", "constant:20ms", "--tokens", "100"]
                server = Server(options.binary, folder, delays)
                out, err = run(command(binary, server.url, folder), server)
                requests = server.end()
                try:
                    figures, note = read(out, folder)
                except (KeyError, ValueError) as error:
                    show(name, [], f"gave no report ({error}): {err.strip()[-200:]}")
                    continue
            # Of an answer's events the first is its role, and the last three its finish, its usage and [DONE].
            first = [r["written"][1] - r["read"] for r in requests if len(r["written"]) > 4]
            gaps = [b - a for r in requests for a, b in zip(r["written"][1:-3], r["written"][2:-3])]
            truth = [percentile(times, share) for times in (first, gaps) for share in (0.5, 0.95, 0.99)]
            show(name, figures, note)
            show("  the server's own log", truth, f"{len(requests)} streams")
            show("  off by", [figure - true for figure, true in zip(figures, truth)])


def found(variable, name):
    path = os.environ.get(variable) or shutil.which(name)
    if not path:
        print(f"{name} is not installed ({variable} names its path), left out")
    return path


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("trials", nargs="*", metavar="TRIAL", help="freezing, stopped, streams; all of them without any")
    arguments.add_argument("--seconds", type=int, default=36, help="how long the open load lasts")
    arguments.add_argument("--streams", type=int, nargs="+", default=[128, 500])
    options = arguments.parse_args()
    known = ["freezing", "stopped", "streams"]
    if unknown := [trial for trial in options.trials if trial not in known]:
        sys.exit(f"no trial is called {unknown[0]}; known are {', '.join(known)}")
    options.binary = os.environ.get("PROOFLOAD", os.path.join(ROOT, "target", "release", "proofload"))
    if not os.access(options.binary, os.X_OK):
        sys.exit(f"{options.binary} is not built; cargo build --release builds it, or PROOFLOAD names another")
    options.oha, options.wrk, options.aiperf = found("OHA", "oha"), found("WRK", "wrk"), found("AIPERF", "aiperf")
    trials = options.trials or known
    if "freezing" in trials:
        title = f"freezing: {RATE} requests a second for {options.seconds} s, the server frozen {FROZEN:.0f} of {EVERY:.0f} s"
        trial(title, open_tools(options), options, True, None)
    if "stopped" in trials:
        title = f"stopped: {RATE} requests a second for {options.seconds} s, the client stopped for one second"
        trial(title, open_tools(options), options, False, options.seconds / 2)
    if "streams" in trials:
        streams_trial(options)


if __name__ == "__main__":
    main()
