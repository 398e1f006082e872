#!/usr/bin/env python3
"""What judging costs, in instructions and allocations, which are the same on every machine.

Runs steps of `tests/bench/cost.rs` under valgrind, each at two lengths, so that what happens once cancels out, and holds
the difference against the figures in instructions.json. More than 5 % above or below them is an error where the
compiler is the one they were recorded with, so that a change of cost is always somebody's decision.

    cargo build --example cost && tests/bench/instructions.py [--write] [COST]

COST is the program, target/debug/examples/cost by default: the build that tests use. Its instructions are some three
times those of a release build; what they are for is to be compared. Needs valgrind."""

import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
FILE = HERE / "instructions.json"
BOUND = 0.05
FEW, MANY = 5, 25
# Events of the long stream beside those of the short one: MORE of cost.rs.
EVENTS = 1000
# What is counted: the step, and the step whose share is taken off with by how much the rest is divided.
FIGURES = {
    "parse a reply": ("parse", None, 1),
    "judge a reply": ("judge-reply", None, 1),
    "record a reply": ("record-reply", None, 1),
    "judge an event": ("judge-long", "judge-stream", EVENTS),
    "record an event": ("record-long", "record-stream", EVENTS),
}


def counted(cost, step, count):
    """Instructions and allocations of a program's whole life."""
    def run(*tool):
        return subprocess.run(["valgrind", *tool, cost, step, str(count)], capture_output=True, text=True, cwd=HERE.parents[1])

    instructions = run("--tool=callgrind", "--callgrind-out-file=/dev/null").stderr
    heap = run("--tool=memcheck", "--leak-check=no", "--undef-value-errors=no").stderr
    found = re.search(r"Collected : (\d+)", instructions), re.search(r"total heap usage: ([\d,]+) allocs", heap)
    if not all(found):
        sys.exit(f"error: valgrind did not count {step}: {(instructions + heap)[-800:]}")
    return tuple(int(match.group(1).replace(",", "")) for match in found)


def measured(cost):
    steps = sorted({step for figure in FIGURES.values() for step in figure[:2] if step})
    with ThreadPoolExecutor(2) as pool:
        runs = {(step, count): pool.submit(counted, cost, step, count) for step in steps for count in (FEW, MANY)}
    each = {}
    for step in steps:
        few, many = runs[step, FEW].result(), runs[step, MANY].result()
        each[step] = [(b - a) / (MANY - FEW) for a, b in zip(few, many)]
    figures = {}
    for name, (step, less, parts) in FIGURES.items():
        base = each[less] if less else (0, 0)
        instructions, allocations = ((a - b) / parts for a, b in zip(each[step], base))
        figures[name] = {"instructions": round(instructions), "allocations": round(allocations, 1)}
    return figures


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--write"]
    cost = Path(arguments[0] if arguments else HERE.parents[1] / "target/debug/examples/cost").resolve()
    if not cost.exists():
        sys.exit(f"error: {cost} is not built; cargo build --example cost builds it")
    compiler = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    figures = measured(str(cost))
    if "--write" in sys.argv:
        FILE.write_text(json.dumps({"compiler": compiler, "figures": figures}, indent=2) + "\n")
    kept = json.loads(FILE.read_text())
    same, off = kept["compiler"] == compiler, []
    print(f"{'':32} {'instructions':>12} {'kept':>9} {'':>7} {'allocations':>11} {'kept':>7}")
    for name, now in figures.items():
        then = kept["figures"][name]
        change = now["instructions"] / then["instructions"] - 1
        grown = now["allocations"] > then["allocations"] * (1 + BOUND) + 0.5
        print(f"{name:32} {now['instructions']:12,} {then['instructions']:9,} {change:+7.1%} "
              f"{now['allocations']:11} {then['allocations']:7}")
        if abs(change) > BOUND or grown:
            off.append(name)
    if off and same:
        sys.exit(f"error: the cost of these has changed: {', '.join(off)}; if that is meant, --write keeps the new figures")
    if not same:
        print(f"the figures kept are of {kept['compiler']}, this is {compiler}: they decide nothing")


if __name__ == "__main__":
    main()
