#!/usr/bin/env python3
"""Where a micro benchmark's allocations come from: for each place, how many of one batch there are, how large, and who called.

Shows the product's own frames with file and line, inlined ones too; --all shows every frame. Needs llvm-symbolizer, which comes with Swift.
"""

import argparse
import collections
import os
import pathlib
import shutil
import subprocess
import sys

from micro_executable import BINARY

ROOT = pathlib.Path(__file__).resolve().parent.parent


def symbolizer() -> str:
    swift = pathlib.Path(os.path.realpath(shutil.which("swift") or "swift"))
    found = shutil.which("llvm-symbolizer") or shutil.which("llvm-symbolizer", path=str(swift.parent))
    return found or sys.exit("llvm-symbolizer isn't there; it comes with Swift and with LLVM")


def symbolize(addresses: list[str]) -> dict[str, list[tuple[str, str]]]:
    """Address → its frames as (function, file:line), innermost first."""
    command = [symbolizer(), "--inlines", "--no-demangle", "--obj", str(BINARY)]
    text = subprocess.run(command, input="\n".join(f"0x{one}" for one in addresses), capture_output=True, text=True, check=True).stdout
    frames = {}
    for address, block in zip(addresses, text.split("\n\n")):
        lines = block.strip().splitlines()
        frames[address] = [(function, place.rsplit(":", 1)[0]) for function, place in zip(lines[::2], lines[1::2])]
    return frames


def demangle(names: set[str]) -> dict[str, str]:
    ordered = sorted(names)
    text = subprocess.run(["swift", "demangle", "--compact", "--simplified"], input="\n".join(ordered), capture_output=True, text=True, check=True).stdout
    return dict(zip(ordered, text.splitlines()))


def is_own(line: str) -> bool:
    return line.startswith((f"{ROOT}/Sources/", f"{ROOT}/Benchmarks/Sources/MicroBenchmarks/Suites/"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("case", help="the benchmark's name, such as 'codec/decode'")
    parser.add_argument("--all", action="store_true", help="show every frame")
    arguments = parser.parse_args()
    output = subprocess.check_output([BINARY, "allocation-stacks", "--case", arguments.case], text=True)
    stacks = [(int(size), addresses) for size, *addresses in (line.split() for line in output.splitlines())]
    frames = symbolize(sorted({address for _, addresses in stacks for address in addresses}))
    names = demangle({function for known in frames.values() for function, _ in known})
    places = collections.defaultdict(collections.Counter)
    for size, addresses in stacks:
        every = [frame for address in addresses for frame in frames[address]]
        places[tuple(frame for frame in every if arguments.all or is_own(frame[1]))][size] += 1
    for place, sizes in sorted(places.items(), key=lambda one: -one[1].total()):
        print(f"{sizes.total()} × {', '.join(f'{size} bytes' for size, _ in sizes.most_common(3))}")
        for function, line in place:
            print(f"    {line.removeprefix(f'{ROOT}/'):<64} {names.get(function, function)}")


if __name__ == "__main__":
    main()
