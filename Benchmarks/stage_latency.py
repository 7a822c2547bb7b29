#!/usr/bin/env python3
"""Stage latencies of a running pipeline: two processes, paced publishes, many subscribers, each queue semantics in turn.

Starts the release build of `sluice gateway` and `sluice publisher` on a fresh data directory, loads them with the load generator, and reads the
stages from the processes' own /latency. Writes Benchmarks/results/stage-latency.json and prints a table.
"""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

import servers

ROOT = pathlib.Path(__file__).resolve().parent.parent
SLUICE = ROOT / ".build/release/sluice"
GENERATOR = ROOT / "Benchmarks/.build/release/LoadGenerator"
STAGES = ["commit", "receive", "hop", "resolve", "send", "link", "write", "total"]


def wait_until_ready(url: str, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        if process.poll() is not None:
            sys.exit(f"a process ended with {process.returncode} before it was ready: {url}")
        try:
            with urllib.request.urlopen(url, timeout=1) as answer:
                if answer.status == 200:
                    return
        except OSError:
            pass
        time.sleep(0.05)
    sys.exit(f"not ready after 15 s: {url}")


def run(queue: str, arguments: argparse.Namespace) -> dict:
    data = tempfile.mkdtemp(prefix="sluice-bench-")
    common = ["--data", data, "--queue", queue, "--log-level", "warning"]
    gateway = subprocess.Popen([SLUICE, "gateway", "--port", str(arguments.port), *common])
    publisher = subprocess.Popen([SLUICE, "publisher", "--operations-port", str(arguments.port + 1), *common])
    try:
        wait_until_ready(f"http://127.0.0.1:{arguments.port}/readyz", gateway)
        wait_until_ready(f"http://127.0.0.1:{arguments.port + 1}/readyz", publisher)
        before = servers.cpu_seconds(gateway.pid), servers.cpu_seconds(publisher.pid)
        load = json.loads(
            subprocess.check_output(
                [
                    GENERATOR, "paced", "--port", str(arguments.port), "--connections", str(arguments.connections), "--topics",
                    str(arguments.topics), "--rate", str(arguments.rate), "--publishers", "1", "--seconds", str(arguments.seconds),
                ]
            )
        )
        load["gatewayCPUSeconds"] = servers.cpu_seconds(gateway.pid) - before[0]
        load["publisherCPUSeconds"] = servers.cpu_seconds(publisher.pid) - before[1]
        report = subprocess.check_output([SLUICE, "latency", "--data", data, "--json"])
        stages = [json.loads(line) for line in report.splitlines()] if report.strip().startswith(b"{") else json.loads(report)
        if isinstance(stages, dict):
            stages = stages["stages"]
        return {"queue": queue, "load": load, "stages": stages}
    finally:
        for process in (publisher, gateway):
            process.terminate()
        for process in (publisher, gateway):
            process.wait(timeout=30)
        shutil.rmtree(data, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--topics", type=int, default=1)
    parser.add_argument("--rate", type=int, default=100)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--port", type=int, default=18080)
    parser.add_argument("--queues", nargs="+", default=["sqs", "sns", "stream"])
    parser.add_argument("--output", default=str(ROOT / "Benchmarks/results/stage-latency.json"))
    arguments = parser.parse_args()
    results = []
    for queue in arguments.queues:
        print(f"{queue}: {arguments.connections} connections, {arguments.rate}/s, {arguments.seconds} s …", flush=True)
        results.append(run(queue, arguments))
    for result in results:
        load = result["load"]
        print(f"\n{result['queue']}: CPU gateway {load['gatewayCPUSeconds']:.2f} s, publisher {load['publisherCPUSeconds']:.2f} s")
        by_stage = {stage["stage"]: stage for stage in result["stages"]}
        print(f"{'stage':10}{'count':>10}{'p50 µs':>12}{'p99 µs':>12}{'max µs':>12}")
        for stage in STAGES:
            if stage in by_stage:
                row = by_stage[stage]
                print(f"{stage:10}{row['count']:>10}{row['p50']:>12.1f}{row['p99']:>12.1f}{row['max']:>12.1f}")
    settings = {key: value for key, value in vars(arguments).items() if key != "output"}
    pathlib.Path(arguments.output).write_text(json.dumps({"settings": settings, "results": results}, indent=2) + "\n")


if __name__ == "__main__":
    main()
