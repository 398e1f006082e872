"""Tools that others wrote, installed by name and pinned version, once, into a cache."""

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("INTEROP_CACHE", ROOT / "target" / "interop")).resolve()

# Two for the clients: LiteLLM wants an older openai. It wants mcp as soon as tools are sent.
PYTHON = {
    "openai": ["openai==3.54.0"],
    "agents": ["litellm==1.106.2", "mcp==2.3.0", "langchain-openai==1.7.3", "openai==2.54.0"],
    "jsonschema": ["jsonschema==4.26.0"],
    "schemathesis": ["schemathesis==4.32.5"],
    "llamacpp": ["xllamacpp==2026.10.11549"],
    "gguf": ["gguf==0.19.0"],
    "litellm-proxy": ["litellm[proxy]==1.106.2"],
    "readers": [
        "playwright==1.65.2",
        "hdrhistogram==0.10.8",
        "junitparser==5.0.3",
        "prometheus-client==0.26.0",
        "zstandard==0.25.0",
    ],
    "figures": ["numpy==2.4.6", "zstandard==0.25.0"],
    "llmock": ["llmock==0.2.2"],
}
NODE = {
    "clients": {"openai": "6.49.0", "ai": "6.0.326", "@ai-sdk/openai-compatible": "2.0.87", "zod": "4.6.7"},
    "ajv": {"ajv": "8.20.0"},
}


def python(name: str) -> Path:
    """The interpreter of an environment."""
    return CACHE / "python" / name / "bin" / "python"


def command(name: str, program: str) -> Path:
    """A program of an environment."""
    return CACHE / "python" / name / "bin" / program


def node(name: str, sources: list[Path]) -> Path:
    """The folder of a set of Node packages, with these scripts beside them, so that they find them."""
    folder = CACHE / "node" / name
    for source in sources:
        shutil.copy(source, folder / source.name)
    return folder


def install(python_names: list[str], node_names: list[str]) -> None:
    """Installs what is not there yet, side by side; raises with the tool's own words if one fails."""
    jobs = [(_python, name) for name in python_names] + [(_node, name) for name in node_names]
    with ThreadPoolExecutor(max_workers=4) as pool:
        for done in [pool.submit(job, name) for job, name in jobs]:
            done.result()


def _python(name: str) -> None:
    folder, wanted = CACHE / "python" / name, "\n".join(PYTHON[name])
    if not _fresh(folder, wanted):
        return
    _call([sys.executable, "-m", "venv", str(folder)])
    _call([str(folder / "bin" / "pip"), "install", "-q", "--disable-pip-version-check", *PYTHON[name]])
    (folder / "installed").write_text(wanted)


def _node(name: str) -> None:
    folder = CACHE / "node" / name
    wanted = json.dumps({"private": True, "type": "module", "dependencies": NODE[name]})
    if not _fresh(folder, wanted):
        return
    folder.mkdir(parents=True)
    (folder / "package.json").write_text(wanted)
    _call(["npm", "install", "--no-audit", "--no-fund", "--loglevel=error"], cwd=folder)
    (folder / "installed").write_text(wanted)


def _fresh(folder: Path, wanted: str) -> bool:
    """Whether it must be installed; what was left half done, or has other versions, is taken away."""
    stamp = folder / "installed"
    if stamp.exists() and stamp.read_text() == wanted:
        return False
    shutil.rmtree(folder, ignore_errors=True)
    return True


def _call(arguments: list[str], cwd: Path | None = None) -> None:
    done = subprocess.run(arguments, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(arguments)}\n{done.stdout}{done.stderr}")
