#!/usr/bin/env python3
"""The micro benchmarks: times, allocations and, where valgrind is installed, instructions of the parts of a record's way.

Writes Benchmarks/results/micro.json and prints a table. Built by: make micro

With --check it compares allocations and instructions, which don't depend on how busy the machine is, with Benchmarks/thresholds.json,
and ends with 1 when one is above. A change that is worth its cost writes new ones with --write-thresholds, and says why in its commit.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import shutil
import sys

import instructions
from micro_executable import figures

HERE = pathlib.Path(__file__).resolve().parent
THRESHOLDS = HERE / "thresholds.json"
# What a count may be above its threshold before it counts as a regression: the part of it, and at least so many. An operation's
# allocations are a mean over many, so that a growing table shows as a hundredth.
TOLERANCES = {"allocations": (0.02, 0.05), "instructions": (0.03, 5)}


def machine() -> str:
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    return f"{model}, {os.cpu_count()} cores, Linux {platform.release()}"


def measure(arguments: argparse.Namespace) -> dict:
    results = {"measuredAt": f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC", "machine": machine(), "loadBefore": os.getloadavg()[0]}
    merged: dict[str, dict] = {}
    found = [figures("allocations", arguments.only)]
    if not arguments.check:
        found.insert(0, figures("times", arguments.only, "--seconds", str(arguments.seconds)))
    if shutil.which("valgrind"):
        found.append(instructions.measure_all(arguments.only))
    else:
        print("Instructions are left out: valgrind isn't installed.", file=sys.stderr)
    for figure in (figure for kind in found for figure in kind):
        merged.setdefault(f"{figure['suite']}/{figure['name']}", {}).update(figure)
    return {**results, "benchmarks": list(merged.values())}


def table(results: dict) -> list[str]:
    """Markdown: a line for each operation, and one for each thing that it has several of."""
    lines = ["| what | ns | instructions | allocations |", "|---|---:|---:|---:|"]
    for one in results["benchmarks"]:
        # Where there is one of each, one line says it all.
        units = {part["count"]: part["unit"] for part in reversed(one["parts"])}
        for count, unit in [(1, None), *((count, units[count]) for count in sorted(units) if count > 1)]:
            name = f"… a {unit}" if unit else f"{one['suite']}: {one['name']}"
            counted = f"{one['instructions'] / count:,.0f}" if "instructions" in one else ""
            lines.append(f"| {name} | {one['nanoseconds'] / count:,.0f} | {counted} | {one['allocations'] / count:,.3g} |")
    return lines


def counts(results: dict) -> dict[str, dict[str, float]]:
    """What thresholds are set for, by the benchmark's name."""
    return {f"{one['suite']}/{one['name']}": {kind: one[kind] for kind in TOLERANCES if kind in one} for one in results["benchmarks"]}


def regressions(measured: dict, thresholds: dict, only: str) -> list[str]:
    """What is above its threshold, has none, or has one and wasn't measured."""
    found = [f"{name}: no threshold" for name in measured if name not in thresholds]
    for name, limits in thresholds.items():
        if not name.startswith(only):
            continue
        for kind, limit in limits.items():
            part, least = TOLERANCES[kind]
            count = measured.get(name, {}).get(kind)
            if count is None:
                found.append(f"{name}: {kind} weren't measured")
            elif count > limit + max(limit * part, least):
                found.append(f"{name}: {count:,.2f} {kind}, threshold {limit:,.2f}")
    return found


def check(results: dict, only: str) -> None:
    found = regressions(counts(results), json.loads(THRESHOLDS.read_text()), only)
    print("\n".join(found) or "Allocations and instructions are within their thresholds.")
    if found:
        sys.exit(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="only benchmarks whose name begins with this; then nothing is written unless --output")
    parser.add_argument("--seconds", type=float, default=0.5, help="for which each is timed at least (0.5)")
    parser.add_argument("--output", type=pathlib.Path, help="the JSON file (Benchmarks/results/micro.json)")
    parser.add_argument("--check", action="store_true", help="compare with Benchmarks/thresholds.json; writes nothing unless --output")
    parser.add_argument("--write-thresholds", action="store_true", help="make the counts the new thresholds")
    parser.add_argument("--from", type=pathlib.Path, dest="source", help="take the figures from this JSON file instead of measuring")
    arguments = parser.parse_args()
    results = json.loads(arguments.source.read_text()) if arguments.source else measure(arguments)
    if arguments.write_thresholds:
        if arguments.only:
            parser.error("thresholds are written for all benchmarks together")
        THRESHOLDS.write_text(json.dumps(counts(results), indent=1, ensure_ascii=False) + "\n")
    if arguments.check or arguments.source:
        check(results, arguments.only)
        return
    output = arguments.output or (None if arguments.only else HERE / "results/micro.json")
    if output:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    print(f"Measured {results['measuredAt']} on {results['machine']}; load {results['loadBefore']:.1f} before.\n")
    print("\n".join(table(results)))


if __name__ == "__main__":
    main()
