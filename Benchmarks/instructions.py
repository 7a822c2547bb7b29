#!/usr/bin/env python3
"""Instructions of an operation, counted by Callgrind: the same on a busy machine as on a quiet one, unlike times.

Each micro benchmark runs twice with fixed numbers of batches, and only its measured section is counted; the difference is what one more batch
takes, without what happens once. System calls count for nothing: what the kernel does isn't in it. Needs valgrind.
"""

import argparse
import concurrent.futures
import functools
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from micro_executable import BINARY, figures

# Batches of the two runs. The first ones fill tables and caches.
FEW, MANY = 3, 8


@functools.cache
def executable() -> pathlib.Path:
    """The executable without its debug information, which Valgrind reads slowly or, in Debian 12, not at all."""
    stripped = BINARY.with_name(BINARY.name + ".stripped")
    subprocess.run(["strip", "--strip-debug", "-o", stripped, BINARY], check=True)
    return stripped


def collected(name: str, batches: int) -> tuple[int, int]:
    """Instructions of so many batches, and the operations in each."""
    with tempfile.TemporaryDirectory(prefix="sluice-micro-") as directory:
        command = ["valgrind", "--tool=callgrind", "--toggle-collect=measured_section", f"--callgrind-out-file={directory}/out"]
        run = subprocess.run([*command, executable(), "fixed", "--case", name, "--batches", str(batches)], capture_output=True, text=True)
    found = re.search(r"Collected : (\d+)", run.stderr)
    if run.returncode or not found:
        sys.exit(f"{name}: valgrind ended with {run.returncode}\n{run.stderr}")
    return int(found[1]), int(run.stdout)


def measure(case: dict) -> dict:
    name = f"{case['suite']}/{case['name']}"
    few, batch = collected(name, FEW)
    many, _ = collected(name, MANY)
    return {**case, "instructions": (many - few) / (MANY - FEW) / batch}


def measure_all(only: str) -> list[dict]:
    """Every benchmark whose name begins with `only`, but for those whose setting up alone would take Callgrind minutes."""
    if not shutil.which("valgrind"):
        sys.exit("valgrind isn't installed: apt-get install valgrind")
    executable()
    cases = [case for case in figures("list", only) if not case["isSlowToMake"]]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(measure, cases))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="only benchmarks whose name begins with this")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    counted = measure_all(arguments.only)
    if arguments.json:
        print(json.dumps(counted, indent=2, ensure_ascii=False))
        return
    for figure in counted:
        each = "".join(f"  {figure['instructions'] / part['count']:12,.1f} a {part['unit']}" for part in figure["parts"])
        print(f"{figure['suite'] + '/' + figure['name']:<52}{figure['instructions']:14,.1f}{each}")


if __name__ == "__main__":
    main()
