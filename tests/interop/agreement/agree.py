"""Three implementations of JSON Schema give one verdict on every document: ours, Python's jsonschema and ajv."""

import json
import subprocess
from collections import Counter
from pathlib import Path

from agreement.corpus import corpus
from environment import ROOT, node, python

HERE = Path(__file__).resolve().parent
SCHEMAS = ROOT / "schemas"
# Fewer documents, or hardly any good or bad ones, would show little.
LEAST = 500
LEAST_OF_EACH = 100


def agree(check) -> None:
    """A scenario for each schema, and one for the corpus itself."""
    cases = corpus()
    ajv = node("ajv", [HERE / "verdicts.mjs"])
    ours = verdicts(["cargo", "run", "--quiet", "--example", "verdicts"], cases, ROOT)
    theirs = verdicts([str(python("jsonschema")), str(HERE / "verdicts.py"), str(SCHEMAS)], cases)
    others = verdicts(["node", "verdicts.mjs", str(SCHEMAS)], cases, ajv)
    three = list(zip(ours, theirs, others, strict=True))
    good = sum(ours)
    check(
        "agreement corpus",
        len(cases) >= LEAST and min(good, len(cases) - good) >= LEAST_OF_EACH,
        f"{len(cases)} documents, {good} good, {len(cases) - good} bad",
    )
    for schema in dict.fromkeys(case["schema"] for case in cases):
        of_it = [(case, verdict) for case, verdict in zip(cases, three, strict=True) if case["schema"] == schema]
        split = [(case["document"], verdict) for case, verdict in of_it if len(set(verdict)) > 1]
        count = Counter(verdict[0] for _, verdict in of_it)
        said = f"{count[True]} good, {count[False]} bad, {len(split)} in dispute"
        if split:
            said += f"; ours, jsonschema, ajv {split[0][1]}: {json.dumps(split[0][0])[:300]}"
        check(f"agreement {schema}", not split, said)


def verdicts(command: list[str], cases: list[dict], folder: Path | None = None) -> list[bool]:
    """What a program says of each case."""
    lines = "".join(json.dumps(case) + "\n" for case in cases)
    done = subprocess.run(command, input=lines, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()[-500:]}")
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(said) == len(cases), f"{command[0]} judged {len(said)} of {len(cases)} documents"
    return said
