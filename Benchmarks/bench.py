#!/usr/bin/env python3
"""Measures Sluice against its bars, beside its peers, and prints a table.

Everything runs on this machine, on loopback, in alternating runs: each round starts each server afresh, loads it, stops it. Sluice always runs
durable and in two processes. The results go to Benchmarks/results/bars.json; plot.py draws them. docs/performance.md explains.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import resource
import signal
import sys
import time

import bars
import servers
from generator import GENERATOR, generate

RESULTS = servers.HERE / "results"


def run(measurement: bars.Measurement, port: int) -> dict:
    """One run of one measurement, with its server started and stopped."""
    if measurement.scenario:
        return measurement.scenario(port)
    if measurement.server is None:
        return generate(None, measurement.words, "sluice")
    with servers.make(measurement.server, port, measurement.queue, measurement.flags) as server:
        result: dict = {}
        for words in measurement.phases():
            result = generate(server, words, measurement.peer or measurement.server)
            if "error" in result:
                result["log"] = server.output()[-400:]
                return result
        if measurement.stages:
            result["stages"] = server.stages()
        cpu = sum(result["serverCPUSeconds"])
        result["cpuPerDelivery"] = cpu * 1e6 / result["deliveries"] if result["deliveries"] else None
        result["cpuPerPublish"] = cpu * 1e6 / result["published"] if result["published"] else None
        if result["residentAfter"] and result["connections"]:
            grown = result["residentAfter"][0] - result["residentBefore"][0]
            if measurement.server == "nchan":
                grown = sum(result["residentAfter"]) - sum(result["residentBefore"])
            result["kibibytesPerConnection"] = grown / 1024 / result["connections"]
        return result


class Progress:
    """One line that says what runs and how much is left; plain lines where there is no terminal."""

    def __init__(self, total: int):
        self.total = total
        self.done = 0
        self.began = time.monotonic()

    def step(self, text: str) -> None:
        self.done += 1
        spent = time.monotonic() - self.began
        left = spent / (self.done - 1) * (self.total - self.done + 1) if self.done > 1 else 0
        line = f"[{self.done}/{self.total}] {text}" + (f" · about {left / 60:.0f} min left" if left > 90 else f" · about {left:.0f} s left" if left else "")
        if sys.stderr.isatty():
            print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)
        else:
            print(line, file=sys.stderr, flush=True)

    def end(self) -> None:
        if sys.stderr.isatty():
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def measure(groups: list[bars.Group], rounds: int, port: int) -> dict:
    """All runs, group by group, the servers of a group in turn."""
    progress = Progress(sum(len(group.measurements) * min(rounds, group.rounds or rounds) for group in groups))
    results: dict[str, list] = {}
    for group in groups:
        for number in range(min(rounds, group.rounds or rounds)):
            for measurement in group.measurements:
                progress.step(f"{group.title} · {measurement.name} · run {number + 1}")
                # Ports in turn, so that a closing server's port isn't needed at once.
                offset = progress.done % 50 * 10
                results.setdefault(measurement.name, []).append(run(measurement, port + offset))
    progress.end()
    return results


def machine() -> dict:
    """What it was measured on."""
    processor = next(
        (line.split(":", 1)[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")),
        platform.machine(),
    )
    memory = int(pathlib.Path("/proc/meminfo").read_text().split()[1]) // 1024 // 1024
    return {"processor": processor, "cores": os.cpu_count(), "memoryGiB": memory, "kernel": platform.release(), "loadBefore": os.getloadavg()[0]}


def show(rows: list[dict]) -> None:
    """The table."""
    print(f"\n{'bar':4}{'what':58}{'Sluice':>12}{'against':>24}{'ratio (spread)':>22}{'wanted':>10}  ")
    for row in rows:
        ratio = "" if row["ratio"] is None else f"{row['ratio']:.2f} ({row['low']:.2f}–{row['high']:.2f})"
        against = "" if row["against"] is None else f"{row['peer']} {bars.short(row['against'])}"
        figure = "–" if row["figure"] is None else bars.short(row["figure"])
        print(f"{row['bar']:<4}{row['what']:58}{figure:>12}{against:>24}{ratio:>22}{row['wanted']:>10}  {row['verdict']}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", action="store_true", help="install the peers under Benchmarks/.peers and measure them too")
    parser.add_argument("--quick", action="store_true", help="one short round, under two minutes: shows trends, proves nothing")
    parser.add_argument("--rounds", type=int, help="runs of each measurement (5; with --quick 1)")
    parser.add_argument("--bars", type=int, nargs="+", default=list(range(1, 17)), help="only these bars")
    parser.add_argument("--port", type=int, default=30000, help="the first of 500 ports (30000)")
    parser.add_argument("--directory", help="where servers keep their data; a disk, not a RAM disk (the system's temporary directory)")
    parser.add_argument("--output", type=pathlib.Path, help="the JSON file (Benchmarks/results/bars.json; with --quick quick.json)")
    arguments = parser.parse_args()
    # So that servers and directories go however it ends.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    if arguments.directory:
        servers.tempfile.tempdir = arguments.directory
    for binary, target in ((servers.SLUICE, "--product sluice"), (GENERATOR, "--package-path Benchmarks --product LoadGenerator")):
        if not binary.exists():
            sys.exit(f"{binary} isn't built: swift build -c release {target}")
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if arguments.peers:
        servers.install_peers()
    rounds = arguments.rounds or (1 if arguments.quick else 5)
    groups = [group for group in bars.groups(quick=arguments.quick, peers=arguments.peers, files=hard) if group.bar in arguments.bars]
    before = machine()
    began = time.monotonic()
    results = measure(groups, rounds, arguments.port)
    rows = [row for row in bars.judge(results, bars.groups(quick=False, peers=True, files=hard)) if row["bar"] in arguments.bars]
    show(rows)
    for name, runs in results.items():
        for result in runs:
            if "error" in result:
                print(f"{name}: {result['error']}")
    names = ["sluice", *(servers.PEER_NAMES if arguments.peers else [])]
    document = {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": before,
        "versions": servers.versions(names),
        "rounds": rounds,
        "quick": arguments.quick,
        "minutes": round((time.monotonic() - began) / 60, 1),
        "bars": rows,
        "results": results,
    }
    RESULTS.mkdir(exist_ok=True)
    output = arguments.output or RESULTS / ("quick.json" if arguments.quick else "bars.json")
    output.write_text(json.dumps(document, indent=1) + "\n")
    print(f"\n{output}, {document['minutes']} min")
    busiest = max((result.get("generatorLoad", 0) for runs in results.values() for result in runs), default=0)
    print(f"The generator took at most {busiest:.0%} of a core" + (": it was the bottleneck there." if busiest > 0.9 else "."))
    sys.exit(1 if any(row["verdict"] == "FAIL" for row in rows) else 0)


if __name__ == "__main__":
    main()
