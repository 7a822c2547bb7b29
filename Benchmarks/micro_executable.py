"""The executable that has the micro benchmarks."""

import json
import os
import pathlib
import subprocess
import sys

BINARY = pathlib.Path(os.environ.get("SLUICE_MICRO_BINARY", pathlib.Path(__file__).resolve().parent / ".build/release/MicroBenchmarks"))


def figures(command: str, only: str, *more: str) -> list[dict]:
    """What its command says of the benchmarks whose name begins with `only`."""
    if not BINARY.exists():
        sys.exit(f"{BINARY} isn't built: make micro")
    return json.loads(subprocess.check_output([BINARY, command, "--json", "--only", only, *more]))
