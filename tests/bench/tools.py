"""What the comparisons of this folder share: the endpoint whose truth is known, and load tools as commands."""

import dataclasses
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
PROMPT = "Tell me about the river."
BODY = {"model": "gpt-4o", "max_tokens": 16, "messages": [{"role": "user", "content": PROMPT}]}
HEADERS = {"content-type": "application/json", "authorization": "Bearer x"}
# Beyond the load itself, a tool that has not ended by then never will.
LONGEST = 300


def proofload_binary():
    binary = os.environ.get("PROOFLOAD", os.path.join(ROOT, "target", "release", "proofload"))
    if not os.access(binary, os.X_OK):
        sys.exit(f"{binary} is not built; cargo build --release builds it, or PROOFLOAD names another")
    return binary


def found(name):
    """The path of a tool: by the variable of its name, such as WRK, or on the path."""
    path = os.environ.get(name.upper()) or shutil.which(name)
    if not path:
        print(f"{name} is not installed ({name.upper()} names its path), left out")
    return path


def percentile(values, share):
    """By nearest rank, as proofload does."""
    ordered = sorted(values)
    return ordered[max(math.ceil(share * len(ordered)), 1) - 1] if ordered else math.nan


class Server:
    """`proofload serve`: on one core where that is given, with a log of what it did where that is wanted, and frozen for a
    while again and again where `freezes` says `(every, for)` in seconds."""

    def __init__(self, folder, options, core=None, truth=True, freezes=None, dialect="openai"):
        self.log = os.path.join(folder, "truth.jsonl") if truth else None
        command = [proofload_binary(), "serve", "--listen", "127.0.0.1:0", "--dialect", dialect, *options]
        command += ["--truth", self.log] if truth else []
        pinned = ["taskset", "-c", str(core)] if core is not None else []
        self.process = subprocess.Popen([*pinned, *command], stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().split()[2]
        self.over = threading.Event()
        self.freezes = []
        self.thread = threading.Thread(target=self.freeze, args=freezes) if freezes else None

    def begin(self):
        if self.thread:
            self.thread.start()

    def freeze(self, every, frozen):
        while not self.over.wait(every - frozen):
            began = time.time()
            self.process.send_signal(signal.SIGSTOP)
            self.over.wait(frozen)
            self.process.send_signal(signal.SIGCONT)
            self.freezes.append((began, time.time()))

    def end(self):
        """Stops it, and gives its requests in the order in which it read them, times in milliseconds since 1970."""
        self.over.set()
        if self.thread:
            self.thread.join()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        if not self.log:
            return []
        lines = [json.loads(line) for line in open(self.log)]
        start = lines[0]["started_unix_us"]
        at = lambda us: (start + us) / 1000
        requests = [
            {"read": at(line["read_us"]), "ended": at(line["ended_us"]), "written": [at(us) for us in line["written_us"]]}
            for line in lines[1:]
            if line["outcome"] == "complete"
        ]
        return sorted(requests, key=lambda request: request["read"])


@dataclasses.dataclass
class Done:
    """A command that has ended, and what it cost by the operating system's accounting, its children included."""

    out: str
    err: str
    cpu_s: float
    wall_s: float
    peak_mb: float


def run(command, env=None):
    """Runs a command to its end, or for the longest time."""
    began = time.monotonic()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        # A group of its own: some tools are many processes.
        client = subprocess.Popen(command, stdout=out, stderr=err, start_new_session=True, env={**os.environ, **(env or {})})
        late = threading.Timer(LONGEST, os.killpg, (client.pid, signal.SIGKILL))
        late.start()
        _, status, usage = os.wait4(client.pid, 0)
        client.returncode = os.waitstatus_to_exitcode(status)
        late.cancel()
        wall_s = time.monotonic() - began
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read())
    if wall_s >= LONGEST:
        texts = ["", f"no end within {LONGEST} s"]
    return Done(*texts, usage.ru_utime + usage.ru_stime, wall_s, usage.ru_maxrss / 1024)


def proofload(url, folder, load, case, dialect="openai"):
    """`proofload run` with this load and this case, as lines of TOML."""
    profile = os.path.join(folder, "profile.toml")
    with open(profile, "w") as file:
        file.write(f'reuse = true\n[target]\nurl = "{url}"\ndialect = "{dialect}"\nmodel = "gpt-4o"\n'
                   f'headers = {{ authorization = "Bearer x" }}\n{load}\n[[case]]\n{case}\n'
                   f'messages = [{{ role = "user", content = "{PROMPT}" }}]\n')
    return [proofload_binary(), "run", profile, "--no-preflight", "--no-out", "--quiet", "--format", "json"]


def oha(binary, url, options, body=None):
    command = [binary, "--no-tui", "--output-format", "json", *options, "-m", "POST", "-d", json.dumps(body or BODY)]
    for name, value in HEADERS.items():
        command += ["-H", f"{name}: {value}"]
    return [*command, f"{url}/chat/completions"]


def wrk(binary, url, folder, options, body=None):
    script = os.path.join(folder, "post.lua")
    with open(script, "w") as file:
        headers = "".join(f"wrk.headers['{name}'] = '{value}'\n" for name, value in HEADERS.items())
        percentiles = "for _, p in ipairs({50, 95, 99}) do print('P', latency:percentile(p)) end print('P', latency.max)"
        file.write(f"wrk.method = 'POST'\nwrk.body = [[{json.dumps(body or BODY)}]]\n{headers}"
                   f"function done(summary, latency, requests) {percentiles} end\n")
    return [binary, "-t1", *options, "--timeout", "60s", "-s", script, f"{url}/chat/completions"]


def tokenizer(folder):
    """A folder with a tokenizer: some tools want one even where the server counts; any will do."""
    place = os.path.join(folder, "tokenizer")
    os.mkdir(place)
    shutil.copy(os.path.join(ROOT, "tests/it/tokenizers/bytelevel.json"), os.path.join(place, "tokenizer.json"))
    with open(os.path.join(place, "tokenizer_config.json"), "w") as file:
        json.dump({"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|end|>"}, file)
    return place


def guidellm(binary, url, folder, profile, until, tokens, stream):
    """guidellm with a profile and a constraint of its own, such as `kind=constant,rate=50`."""
    target = f"kind=openai_http,target={url.removesuffix('/v1')},model=gpt-4o,api_key=x,stream={'true' if stream else 'false'}"
    return [binary, "run", "--backend", target, "--profile", profile, "--constraint", until, "--disable-console",
            "--output", f"kind=json,path={os.path.join(folder, 'guidellm.json')}",
            "--tokenizer", f"kind=huggingface_auto,model={tokenizer(folder)}",
            "--data", f"kind=synthetic_text,prompt_tokens=20,output_tokens={tokens}"]


def of_guidellm(folder, name):
    """Percentiles of one of its metrics, of the requests that succeeded."""
    found = json.load(open(os.path.join(folder, "guidellm.json")))["benchmarks"][0]["metrics"][name]["successful"]
    return {**found["percentiles"], "max": found["max"]}


def aiperf(binary, url, folder, load, tokens):
    """AIPerf with a load of its own, such as `["--concurrency", "16", "--request-count", "64"]`."""
    return [binary, "profile", "--model", "gpt-4o", "--url", url.removesuffix("/v1"), "--endpoint-type", "chat", "--streaming",
            "--api-key", "x", *load, "--tokenizer", tokenizer(folder),
            "--use-server-token-count", "--synthetic-input-tokens-mean", "20", "--extra-inputs", f"max_tokens:{tokens}",
            "--artifact-dir", os.path.join(folder, "aiperf"), "--ui", "none"]


def of_aiperf(folder):
    """Its report; none where it left none."""
    for place, _, files in os.walk(os.path.join(folder, "aiperf")):
        if "profile_export_aiperf.json" in files:
            return json.load(open(os.path.join(place, "profile_export_aiperf.json")))
    raise KeyError("no report")
