#!/usr/bin/env python3
"""The micro benchmarks: times, allocations and, where valgrind is installed, instructions of the parts of a record's way.

Writes Benchmarks/results/micro.json and prints a table. Built by: make micro
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


def machine() -> str:
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    return f"{model}, {os.cpu_count()} cores, Linux {platform.release()}"


def measure(arguments: argparse.Namespace) -> dict:
    results = {"measuredAt": f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC", "machine": machine(), "loadBefore": os.getloadavg()[0]}
    merged: dict[str, dict] = {}
    found = [figures("times", arguments.only, "--seconds", str(arguments.seconds)), figures("allocations", arguments.only)]
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="only benchmarks whose name begins with this; then nothing is written unless --output")
    parser.add_argument("--seconds", type=float, default=0.5, help="for which each is timed at least (0.5)")
    parser.add_argument("--output", type=pathlib.Path, help="the JSON file (Benchmarks/results/micro.json)")
    arguments = parser.parse_args()
    results = measure(arguments)
    output = arguments.output or (None if arguments.only else HERE / "results/micro.json")
    if output:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    print(f"Measured {results['measuredAt']} on {results['machine']}; load {results['loadBefore']:.1f} before.\n")
    print("\n".join(table(results)))


if __name__ == "__main__":
    main()
