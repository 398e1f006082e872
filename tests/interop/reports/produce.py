"""The reports of two load runs, of a good endpoint and of a hostile one, handed to what others wrote to read them."""

import json
import os
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from endpoint import BINARY, KEY, MODEL, Endpoint
from environment import CACHE, python
from tally import Tally

HERE = Path(__file__).resolve().parent
RUN_LIMIT_S = 120
READERS_LIMIT_S = 300
SECRET = "sk-very-secret-key"
# What a hostile endpoint, or a careless user, would have a browser do.
HOSTILE = "]]></title></style></script><script>document.title='owned'</script><img src=//127.0.0.1:9/x onerror=alert(1)>"
CONTROLS = "\x00\x1b[31m\u202e\u0007"
PROFILE = """
name = {name}
goals = ["first_token.p95 < 10s", "error_rate < 1%"]
labels = {{ note = {name} }}
[target]
url = "{url}"
dialect = "openai"
model = "{model}"
key_env = "INTEROP_KEY"
[load.open]
rate = 20
duration = "{duration}"
warmup = "1s"
[[case]]
name = {name}
stream = true
messages = [{{ role = "user", content = {prompt} }}]
[[case]]
name = "whole"
messages = [{{ role = "user", content = "{{{{unique}}}} Tell me about the river." }}]
"""


class Hostile(BaseHTTPRequestHandler):
    """Answers everything with 200 and with what must never be obeyed, the key included."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        text = HOSTILE + CONTROLS + SECRET
        reply = json.dumps({"id": text, "object": text, "choices": [{"message": {"content": text}}]}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *_arguments: object) -> None:
        pass


def reports(tally: Tally) -> None:
    folder = CACHE / "reports"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with Endpoint("openai", "--first-token", "20ms", "--token-gap", "5ms") as endpoint:
        made(tally, folder / "good", "chat", endpoint.url, KEY, "{{unique}} Tell me about the mill.", "6s")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hostile)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    made(tally, folder / "hostile", HOSTILE, url, SECRET, HOSTILE, "3s")
    server.shutdown()
    compared(tally, folder)
    line = [str(python("readers")), str(HERE / "readers.py"), str(folder), SECRET]
    done = subprocess.run(line, capture_output=True, text=True, timeout=READERS_LIMIT_S, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith(("ok ", "FAIL "))]
    for line in lines:
        tally.line(line)
    if done.returncode not in (0, 1) or not lines:
        tally.check("readers", False, f"ended with {done.returncode}: {done.stderr[-600:]}")


def compared(tally: Tally, folder: Path) -> None:
    """The page of a comparison, of the good endpoint with the hostile one."""
    page = folder / "compared" / "report.html"
    page.parent.mkdir()
    line = [str(BINARY), "compare", str(folder / "good"), str(folder / "hostile"), "--under-test", "all"]
    line += ["--report", f"html={page}", "--exit-zero"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=RUN_LIMIT_S, check=False)
    tally.check("compare good hostile", done.returncode in (0, 3) and page.exists(), done.stderr.strip()[-300:])


def made(tally: Tally, folder: Path, name: str, url: str, key: str, prompt: str, duration: str) -> None:
    """A run with every report that there is."""
    profile = folder.with_suffix(".toml")
    text = json.dumps
    profile.write_text(
        PROFILE.format(name=text(name), url=url, model=MODEL, duration=duration, prompt=text(prompt)), encoding="utf-8"
    )
    extra = folder.with_name(folder.name + "-reports")
    extra.mkdir()
    kinds = ["text", "json", "html", "junit", "markdown", "csv", "totals", "openmetrics", "vllm", "hlog"]
    line = [str(BINARY), "run", str(profile), "--no-preflight", "--seed", "7", "--quiet", "--journal=bodies", "--out", str(folder)]
    for kind in kinds:
        line += ["--report", f"{kind}={extra / kind}"]
    env = {**os.environ, "INTEROP_KEY": key}
    done = subprocess.run(line, capture_output=True, text=True, env=env, timeout=RUN_LIMIT_S, check=False)
    missing = [kind for kind in kinds if not (extra / kind).exists()]
    said = done.stderr.strip()[-300:] or f"exit {done.returncode}"
    tally.check(f"run {folder.name}", done.returncode in (0, 1, 3) and not missing, f"{said} {missing}")
