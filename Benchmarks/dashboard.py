#!/usr/bin/env python3
"""Takes the picture of the dashboard again, docs/images/dashboard.png: starts a gateway, a publisher and Debian's Prometheus, loads them for three
minutes, stops the publisher for twenty seconds in between, and draws the panels of docs/examples/grafana/sluice.json from what Prometheus has scraped.

Grafana draws the same queries; it isn't needed for the picture.
"""

import datetime
import json
import pathlib
import re
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request

import plot

ROOT = pathlib.Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "docs/examples"
BINARY = ROOT / ".build/release/sluice"
SECONDS, STOPPED = 180, (90, 110)
COLOURS = ["#0b7285", "#e8590c", "#5c940d", "#862e9c", "#c92a2a", "#1864ab", "#e67700", "#495057"]


def started(*arguments):
    process = subprocess.Popen([BINARY, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return process, process.stdout.readline().split()[1]


def prometheus(directory, gateway, publisher):
    configuration = (EXAMPLES / "prometheus/prometheus.yaml").read_text().replace(": 5s", ": 1s")
    for example, address in (("127.0.0.1:8080", gateway), ("127.0.0.1:9090", publisher)):
        configuration = configuration.replace(example, address.removeprefix("http://"))
    (directory / "rules.yaml").write_text((EXAMPLES / "prometheus/rules.yaml").read_text())
    (directory / "prometheus.yaml").write_text(configuration)
    process = subprocess.Popen(
        ["prometheus", f"--config.file={directory}/prometheus.yaml", f"--storage.tsdb.path={directory}/metrics", "--web.listen-address=127.0.0.1:0"],
        stderr=subprocess.PIPE, text=True,
    )
    for line in process.stderr:
        if found := re.search(r"address=(127\.0\.0\.1:[1-9]\d*)", line):
            return process, f"http://{found[1]}"
    raise SystemExit("Prometheus ended before it listened.")


def ask(address, expression, begin, end):
    query = urllib.parse.urlencode({"query": expression.replace("$__rate_interval", "10s"), "start": begin, "end": end, "step": 1})
    with urllib.request.urlopen(f"{address}/api/v1/query_range?{query}", timeout=30) as answer:
        return json.load(answer)["data"]["result"]


def draw(axes, panel, address, begin, end):
    """One panel: a line a series, named as the dashboard names it."""
    unit = panel["fieldConfig"]["defaults"].get("unit", "short")
    scale, suffix = {"s": (1000, " ms"), "percentunit": (100, " %"), "bytes": (1 / 2**20, " MiB")}.get(unit, (1, ""))
    lines = 0
    for target in panel["targets"]:
        for series in ask(address, target["expr"], begin, end):
            name = re.sub(r"\{\{(\w+)\}\}", lambda found: series["metric"].get(found[1], ""), target.get("legendFormat", "")).strip()
            points = [(datetime.datetime.fromtimestamp(at), float(value) * scale) for at, value in series["values"] if value != "NaN"]
            if points:
                axes.plot(*zip(*points), color=COLOURS[lines % len(COLOURS)], linewidth=1.2, label=name)
                lines += 1
    axes.set_title(panel["title"] + (f" ({suffix.strip()})" if suffix else ""), fontsize=9, loc="left")
    axes.set_ylim(bottom=0)
    if not lines:
        axes.text(0.5, 0.5, "none", transform=axes.transAxes, ha="center", color="#868e96", fontsize=9)
    axes.tick_params(labelsize=7)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    if lines:
        axes.legend(fontsize=6, frameon=False, loc="upper left", ncols=2 if lines > 4 else 1)


def picture(address, begin, end):
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import dates, pyplot

    panels = [panel for panel in json.loads((EXAMPLES / "grafana/sluice.json").read_text())["panels"] if panel["type"] == "timeseries"]
    rows = (len(panels) + 2) // 3
    figure, grid = pyplot.subplots(rows, 3, figsize=(13, 2.3 * rows), sharex=True)
    for axes, panel in zip(grid.flat, panels):
        draw(axes, panel, address, begin, end)
        axes.xaxis.set_major_formatter(dates.DateFormatter("%H:%M:%S"))
        axes.xaxis.set_major_locator(dates.SecondLocator(bysecond=[0, 30]))
    figure.tight_layout()
    figure.savefig(plot.IMAGES / "dashboard.png", dpi=110)


def main() -> None:
    plot.ensure_matplotlib()
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        data = ["--data", str(directory / "data")]
        gateway, gateway_address = started("gateway", *data, "--port", "0")
        publisher, publisher_address = started("publisher", *data, "--operations-port", "0")
        port = publisher_address.rsplit(":", 1)[1]
        monitor, address = prometheus(directory, gateway_address, publisher_address)
        load = subprocess.Popen(
            [BINARY, "bench", *data, "--url", gateway_address, "--connections", "200", "--topics", "20", "--rate", "200", "--seconds", str(SECONDS - 5)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        began = time.time()
        print(f"loading for {SECONDS} s", flush=True)
        try:
            time.sleep(STOPPED[0])
            publisher.kill()
            time.sleep(STOPPED[1] - STOPPED[0])
            publisher, _ = started("publisher", *data, "--operations-port", port)
            time.sleep(max(0, began + SECONDS - time.time()))
            picture(address, began, time.time())
        finally:
            for process in (load, publisher, gateway, monitor):
                process.kill()
                process.wait()
    print(plot.IMAGES / "dashboard.png")


main()
