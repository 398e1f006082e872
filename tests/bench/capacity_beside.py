#!/usr/bin/env python3
"""The search for capacity beside guidellm's: the same endpoint, the same goal, what each finds and what it takes.

guidellm's goodput profile searches over streams, so ours searches over concurrency. It holds a stream count where a share of
the requests keeps every limit, which for 95 % and one limit is our goal on p95. Each tool gets a fresh `proofload serve
--capacity`, whose queue begins to grow beyond its concurrency: the answer is near that number.

    cargo build --release && pip install guidellm
    python3 tests/bench/capacity_beside.py [--guidellm guidellm] [--concurrency 16] [--seconds 4] [--probe 20]

Requests are counted by the endpoint, in its access log, so neither tool is asked how many it sent."""

import argparse
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

WORDS = "Tell me about the river that runs past the old mill."


def free_port():
    with socket.socket() as own:
        own.bind(("127.0.0.1", 0))
        return own.getsockname()[1]


class Endpoint:
    """A batching server of that concurrency, for as long as a with lasts."""

    def __init__(self, binary, options, folder):
        self.port, self.log = free_port(), os.path.join(folder, "access.jsonl")
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self.command = [binary, "serve", "--listen", f"127.0.0.1:{self.port}", "--dialect", "openai", "--capacity",
                        f"concurrency={options.concurrency},step=12.5ms+0.25ms,prefill=20000/s", "--access-log", self.log]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(100):
            try:
                urllib.request.urlopen(f"{self.url}/models", timeout=1)
            except urllib.error.HTTPError:
                break
            except OSError:
                time.sleep(0.1)
            else:
                break
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def requests(self):
        with open(self.log) as log:
            return sum("chat/completions" in line for line in log)


def proofload(binary, endpoint, options, folder):
    profile = os.path.join(folder, "profile.toml")
    with open(profile, "w") as file:
        file.write(
            f'goals = ["first_token.p95 < {options.limit}ms"]\n[target]\nurl = "{endpoint.url}"\nmodel = "gpt-4o"\n'
            f'headers = {{ authorization = "Bearer x" }}\n[load.closed]\nconcurrency = 4\nduration = "1s"\n'
            f'[capacity]\nstage = "{options.seconds}s"\nconfirm = "{options.seconds}s"\ncooldown = "500ms"\nprecision = {options.precision}\n'
            f'[[case]]\nstream = true\nmax_tokens = 32\nmessages = [{{ role = "user", content = "{{{{unique}}}} {WORDS}" }}]\n'
        )
    command = [binary, "capacity", profile, "--quiet", "--format", "json", "--out", os.path.join(folder, "search")]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        sys.exit(f"proofload: {done.stderr}")
    answer = json.loads(done.stdout)["answer"]
    low, rate, high = (f"{answer[key]:.1f}" if answer[key] else "-" for key in ("low", "rate_per_s", "high"))
    return answer["concurrency"], f"{rate} requests/s ({low} to {high}), {answer['trust']}; {answer['ended']}"


def guidellm(binary, endpoint, options, folder):
    prompts = os.path.join(folder, "prompts.jsonl")
    with open(prompts, "w") as file:
        for number in range(5000):
            file.write(json.dumps({"prompt": f"{number} {WORDS}"}) + "\n")
    backend = {"kind": "openai_http", "target": endpoint.url.removesuffix("/v1"), "model": "gpt-4o", "api_key": "x",
               "max_tokens": 32, "validate_backend": False}
    command = [binary, "run", "--backend", json.dumps(backend), "--data", f"kind=json_file,path={prompts}",
               "--profile", f"kind=goodput,target_attainment=0.95,initial_streams=4,tolerance={options.precision}",
               "--constraint", f"kind=max_duration,seconds={options.probe}",
               "--metrics", json.dumps({"kind": "generative", "slo": {"ttft_ms": options.limit}}),
               "--output", f"kind=json,path={os.path.join(folder, 'guidellm.json')}", "--disable-console"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "HF_HUB_OFFLINE": "1"})
    said = re.sub(r"\s+", " ", done.stdout + done.stderr)
    report = os.path.join(folder, "guidellm.json")
    if done.returncode or not os.path.exists(report):
        return None, f"gave up: {said[-400:]}"
    with open(report) as file:
        conclusion = find(json.load(file), "best_passing_streams")
    return conclusion["best_passing_streams"], f"fails at {conclusion['lowest_failing_streams']}; {conclusion['stop_reason']}"


def find(value, key):
    """The last object that has this key, wherever the report keeps it."""
    if isinstance(value, list):
        value = dict(enumerate(value))
    if not isinstance(value, dict):
        return None
    if key in value:
        return value
    found = [inner for inner in (find(inner, key) for inner in value.values()) if inner]
    return found[-1] if found else None


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--guidellm", default="guidellm")
    arguments.add_argument("--concurrency", type=int, default=16)
    arguments.add_argument("--seconds", type=int, default=4, help="a stage of proofload, and a tenth of one that confirms")
    arguments.add_argument("--probe", type=int, default=20, help="a probe of guidellm, in which its workers start, too")
    arguments.add_argument("--only", choices=["proofload", "guidellm"])
    arguments.add_argument("--limit", type=int, default=300)
    arguments.add_argument("--precision", type=float, default=0.1)
    options = arguments.parse_args()
    own = os.path.join(os.path.dirname(__file__), "..", "..", "target", "release", "proofload")
    binary = os.environ.get("PROOFLOAD") or own
    print(f"goal: first token p95 under {options.limit} ms, of a server with a concurrency of {options.concurrency}")
    for name, search in (("proofload", proofload), ("guidellm", guidellm)):
        if options.only not in (None, name):
            continue
        with tempfile.TemporaryDirectory() as folder, Endpoint(binary, options, folder) as endpoint:
            began = time.monotonic()
            concurrency, words = search(binary if name == "proofload" else options.guidellm, endpoint, options, folder)
            took = time.monotonic() - began
            print(f"{name:10} concurrency {concurrency}, {endpoint.requests()} requests, {took:.0f} s: {words}")


if __name__ == "__main__":
    main()
