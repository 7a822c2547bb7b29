#!/usr/bin/env python3
"""Draws Benchmarks/results/bars.json as SVG into docs/images and writes the figures into docs/performance.md, between its two markers.

Needs matplotlib; when it isn't there, the script makes a virtual environment below Benchmarks/.peers and runs itself in it.
"""

import argparse
import importlib.util
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys

import bars

HERE = pathlib.Path(__file__).resolve().parent
IMAGES = HERE.parent / "docs/images"
DOCUMENT = HERE.parent / "docs/performance.md"
BEGIN, END = "<!-- results: written by Benchmarks/plot.py -->", "<!-- end of results -->"
OWN, PEER = "#0b7285", "#adb5bd"


def ensure_matplotlib() -> None:
    """Goes on in a virtual environment that has it."""
    if importlib.util.find_spec("matplotlib"):
        return
    python = HERE / ".peers/venv/bin/python"
    if pathlib.Path(sys.prefix) == HERE / ".peers/venv" or not python.exists():
        subprocess.run([sys.executable, "-m", "venv", HERE / ".peers/venv"], check=True)
    subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "matplotlib"], check=True)
    os.execv(python, [str(python), *sys.argv])


def series(results: dict, name: str, path: str) -> list[float]:
    return [number for result in results.get(name, []) if (number := bars.value(result, path)) is not None]


def chart(results: dict, title: str, prefix: str, path: str, unit: str, file: str, scale: float = 1.0) -> str | None:
    """Medians as bars, the spread as whiskers, Sluice in colour."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "sluice"
    from matplotlib import pyplot

    found = []
    for name in results:
        if name.startswith(prefix) and (numbers := [number * scale for number in series(results, name, path)]):
            found.append((name.removeprefix(prefix).strip() or name, numbers))
    if not found:
        return None
    found.sort(key=lambda one: statistics.median(one[1]))
    figure, axes = pyplot.subplots(figsize=(7, 0.55 * len(found) + 1.1))
    for position, (name, numbers) in enumerate(found):
        middle = statistics.median(numbers)
        spread = [[middle - min(numbers)], [max(numbers) - middle]]
        axes.barh(position, middle, xerr=spread, color=OWN if name.startswith("sluice") else PEER, ecolor="#495057", height=0.62)
        axes.text(max(numbers) * 1.01, position, f" {bars.short(middle)}", va="center", fontsize=9)
    axes.set_yticks(range(len(found)), [name for name, _ in found])
    axes.set_title(title, fontsize=11, loc="left")
    axes.set_xlabel(unit, fontsize=9)
    axes.margins(x=0.14)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.tight_layout()
    figure.savefig(IMAGES / file, metadata={"Date": None})
    pyplot.close(figure)
    return file


def curve(results: dict, title: str, pattern: str, lines: list, unit: str, file: str) -> str | None:
    """Medians over what grows, on logarithmic axes; `pattern` finds the number in a measurement's name, a line has its label, path, scale and pattern of its own."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "sluice"
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 3))
    drawn: list[tuple[int, float]] = []
    for (label, path, scale, *own), colour in zip(lines, COLOURS):
        points = []
        for name in results:
            found = re.fullmatch(own[0] if own else pattern, name)
            if found and (numbers := [number * scale for number in series(results, name, path)]):
                points.append((int(found[1]), statistics.median(numbers), min(numbers), max(numbers)))
        if not points:
            continue
        points.sort()
        across, middle = [point[0] for point in points], [point[1] for point in points]
        spread = [[point[1] - point[2] for point in points], [point[3] - point[1] for point in points]]
        axes.errorbar(across, middle, yerr=spread, marker="o", color=colour, capsize=3, label=label)
        for at, value in zip(across, middle):
            # Not where it would stand on another line's figure.
            if all(at != other or not 0.6 < value / figure_there < 1.7 for other, figure_there in drawn):
                axes.annotate(bars.short(value), (at, value), textcoords="offset points", xytext=(0, 7), ha="center", fontsize=8)
            drawn.append((at, value))
    axes.set_xscale("log")
    places = sorted({at for at, _ in drawn})
    axes.set_xticks(places, [f"{at:,}" for at in places], fontsize=8)
    axes.minorticks_off()
    values = [value for _, value in drawn] or [1]
    if max(values) > 10 * min(values):
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)
    axes.margins(x=0.08, y=0.25)
    axes.set_title(title, fontsize=11, loc="left")
    axes.set_ylabel(unit, fontsize=9)
    if drawn and len(lines) > 1:
        axes.legend(fontsize=8, frameon=False)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.tight_layout()
    if drawn:
        figure.savefig(IMAGES / file, metadata={"Date": None})
    pyplot.close(figure)
    return file if drawn else None


COLOURS = ("#0b7285", "#e8590c", "#868e96", "#5f3dc4")
CURVES = [
    ("CPU a delivery over connections", r"curve (\d+)", [("both processes", "cpuPerDelivery", 1)], "µs", "curve-connections.svg"),
    ("The log with 16 MiB asked for, 256 publishes in flight, over topics", r"retention (\d+) topics", [("largest after 8 s", "logMiB", 1)], "MiB", "curve-retention.svg"),
    ("The same, over batches of 1,000 in flight", r"retention (\d+) batches", [("largest after 6 s", "logMiB", 1)], "MiB", "curve-retention-batches.svg"),
    (
        "Others' latency while so many subscriptions come and go", r"mass (\d+) subscriptions",
        [("delivery p50", "delivery.p50", 0.001), ("delivery p99", "delivery.p99", 0.001), ("subscribe p50", "othersSubscribe.p50", 0.001), ("subscribe p99", "othersSubscribe.p99", 0.001)],
        "ms", "curve-mass-latency.svg",
    ),
    (
        "CPU of a subscription that comes and goes, over how many do", r"mass (\d+) subscriptions",
        [("gateway", "gatewayCPUPerSubscription", 1), ("publisher", "publisherCPUPerSubscription", 1)], "µs", "curve-mass-cpu.svg",
    ),
    ("A record of history by pages of 100, over the topic's records", r"paging (\d+) records", [("time", "microsecondsPerRecord", 1)], "µs", "curve-paging.svg"),
    (
        "Start and stop over topics", r"start (\d+) topics",
        [
            ("SIGTERM to end", "stopSeconds", 1000), ("start to ready", "readySeconds", 1000), ("first publish then", "firstPublishSeconds", 1000),
            ("ready after a kill", "afterKill.readySeconds", 1000),
        ],
        "ms", "curve-start.svg",
    ),
    (
        "Fan-out to 100 over the payload, bytes", r"payload (\d+) bytes, 8 in flight",
        [("8 in flight", "deliveriesPerSecond", 1), ("1 in flight", "deliveriesPerSecond", 1, r"payload (\d+) bytes, 1 in flight")], "deliveries/s", "curve-payload.svg",
    ),
    (
        "Ten messages of a queue received and deleted, over the messages beside them", r"queue with (\d+) waiting",
        [
            ("waiting", "microsecondsPerTen", 1), ("in flight", "microsecondsPerTen", 1, r"queue with (\d+) in flight"),
            ("groups of ten", "microsecondsPerTen", 1, r"queue with (\d+) groups"), ("queues (one message sent)", "send.p50", 1, r"(\d+) queues"),
        ], "µs", "curve-queue.svg",
    ),
    (
        "Wide load at 64 over publishers", r"(\d+) publishers, sqs",
        [("sqs", "publishesPerSecond", 1), ("stream", "publishesPerSecond", 1, r"(\d+) publishers, stream")], "publishes/s", "curve-publishers.svg",
    ),
]
CHARTS = [
    ("Fan-out, 1 topic × 1,000 connections, 8 in flight", "fanout ", "deliveriesPerSecond", "deliveries/s", "bench-fanout.svg", 1),
    ("Server CPU a delivery, the same load", "fanout ", "cpuPerDelivery", "µs", "bench-fanout-cpu.svg", 1),
    ("10,000 connections: the last receiver, median", "paced ", "last.p50", "ms", "bench-last.svg", 0.001),
    ("1,000 topics × 1 subscriber, 64 in flight", "wide64 ", "publishesPerSecond", "publishes/s", "bench-wide64.svg", 1),
    ("1,000 topics × 1 subscriber, 256 in flight", "wide256 ", "publishesPerSecond", "publishes/s", "bench-wide256.svg", 1),
    ("Durable publishes (64 in flight; Redis: 16 producers)", "publish", "acknowledgedPerSecond", "acknowledged/s", "bench-publish.svg", 1),
    ("Memory of an idle connection of 10,000", "idle ", "kibibytesPerConnection", "KiB", "bench-idle.svg", 1),
]


def table(document: dict) -> list[str]:
    machine = document["machine"]
    lines = [
        f"Measured {document['date']} on {machine['processor']}, {machine['cores']} cores, {machine['memoryGiB']} GiB, Linux {machine['kernel']}; "
        f"median of {document['rounds']} rounds, {document['minutes']} minutes in all.",
        "",
        "Versions: " + "; ".join(f"{name} {version}" for name, version in document["versions"].items()) + ".",
        "",
    ]
    if document["quick"] or machine["loadBefore"] > 0.5:
        lines += [f"**Not final:** {'short runs' if document['quick'] else 'the machine was busy'} (load {machine['loadBefore']:.1f} before the first run).", ""]
    lines += ["| bar | what | Sluice | against | ratio (spread) | wanted | |", "|---|---|---:|---:|---:|---:|---|"]
    for row in document["bars"]:
        if row["verdict"] == "not run":
            continue
        ratio = "" if row["ratio"] is None else f"{row['ratio']:.2f} ({row['low']:.2f}–{row['high']:.2f})"
        against = "" if row["against"] is None else f"{row['peer']} {bars.short(row['against'])}"
        verdict = "holds" if row["verdict"] == "pass" else "**missed**"
        lines.append(f"| {row['bar']} | {row['what']} | {bars.short(row['figure'])} | {against} | {ratio} | {row['wanted']} | {verdict} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--input", type=pathlib.Path, default=HERE / "results/bars.json")
    arguments = parser.parse_args()
    ensure_matplotlib()
    document = json.loads(arguments.input.read_text())
    drawn = [(title, file) for title, *more, file, scale in CHARTS if chart(document["results"], title, *more, file, scale)]
    drawn += [(title, file) for title, pattern, lines, unit, file in CURVES if curve(document["results"], title, pattern, lines, unit, file)]
    lines = table(document) + [""] + [f"![{title}](images/{file})" for title, file in drawn]
    text = DOCUMENT.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    DOCUMENT.write_text(before + BEGIN + "\n\n" + "\n".join(lines) + "\n\n" + END + after)
    print(f"{len(drawn)} pictures in docs/images, figures in docs/performance.md")


if __name__ == "__main__":
    main()
