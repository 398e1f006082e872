"""`proofload serve` in a process of its own."""

import json
import os
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

from environment import ROOT

BINARY = Path(os.environ.get("PROOFLOAD_BIN", ROOT / "target" / "debug" / "proofload")).resolve()
KEY = "sk-test"
MODEL = "gpt-4o-mini"


class Endpoint:
    """The endpoint in a dialect, on a free port; it ends with the block."""

    def __init__(self, dialect: str, *arguments: str) -> None:
        quick = [] if arguments else ["--first-token", "5ms", "--token-gap", "1ms"]
        line = [str(BINARY), "serve", "--listen", "127.0.0.1:0", "--dialect", dialect, "--key-env", "INTEROP_KEY"]
        self.process = subprocess.Popen(
            [*line, *quick, *arguments],
            env={**os.environ, "INTEROP_KEY": KEY},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        greeting = self.process.stdout.readline().split()
        if len(greeting) < 3:
            fault = self.process.stderr.read().strip().split("\n")[0]
            raise RuntimeError(f"serve {' '.join(arguments)}: {fault}")
        self.url = greeting[2]

    def __enter__(self) -> "Endpoint":
        return self

    def __exit__(self, *_exception) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()

    def post(self, body: object, key: str | None = KEY) -> tuple[int, str, bytes]:
        """Status, content type and body of the reply to a request."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/chat/completions", data, {"content-type": "application/json"})
        if key:
            request.add_header("authorization", f"Bearer {key}")
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                return reply.status, reply.headers.get_content_type(), reply.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers.get_content_type(), error.read()
