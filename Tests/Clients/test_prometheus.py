"""The examples for operators: alert rules in Debian's Prometheus over both processes, the dashboard's queries, the containers' files."""

import json
import re
import shutil
import subprocess

import httpx
import pytest

from processes import PATIENCE, ROOT, eventually

EXAMPLES = ROOT / "docs/examples"
pytestmark = pytest.mark.skipif(shutil.which("prometheus") is None, reason="Prometheus isn't installed")


@pytest.fixture
def prometheus(sluice, tmp_path):
    """Prometheus with the example's rules, whose waits are a second, over a gateway and a publisher."""
    sluice.start()
    rules = re.sub(r"for: \d+[sm]", "for: 1s", (EXAMPLES / "prometheus/rules.yaml").read_text())
    (tmp_path / "rules.yaml").write_text(rules)
    configuration = (EXAMPLES / "prometheus/prometheus.yaml").read_text().replace(": 5s", ": 1s")
    configuration = configuration.replace("127.0.0.1:9089", f"127.0.0.1:{sluice.gateway.port}").replace("127.0.0.1:9090", f"127.0.0.1:{sluice.publisher.port}")
    (tmp_path / "prometheus.yaml").write_text(configuration)
    process = subprocess.Popen(
        ["prometheus", f"--config.file={tmp_path}/prometheus.yaml", f"--storage.tsdb.path={tmp_path}/data", "--web.listen-address=127.0.0.1:0"],
        stderr=subprocess.PIPE, text=True,
    )
    address = None
    for line in process.stderr:
        if found := re.search(r"msg=\"Listening on\" address=(\S+)", line) or re.search(r"address=(127\.0\.0\.1:[1-9]\d*)", line):
            address = f"http://{found[1]}"
            break
    yield address
    process.kill()
    process.wait(PATIENCE)


def test_the_rules_are_well_formed():
    result = subprocess.run(["promtool", "check", "rules", EXAMPLES / "prometheus/rules.yaml"], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def test_metrics_pass_promtool(sluice):
    sluice.start()
    sluice.publish("t", 1)
    for process in (sluice.gateway, sluice.publisher):
        text = httpx.get(process.address + "/metrics").text
        result = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
        assert result.returncode == 0, result.stderr


def test_alerts_fire_while_a_publisher_is_stopped_and_the_dashboards_queries_have_answers(sluice, prometheus):
    def get(path, **query):
        answer = httpx.get(prometheus + path, params=query, timeout=PATIENCE)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def alerts():
        return {alert["labels"]["alertname"] for alert in get("/api/v1/alerts")["alerts"] if alert["state"] == "firing"}

    def up():
        return [result["value"][1] for result in get("/api/v1/query", query="up")["result"]] == ["1", "1"]

    eventually(up, what="both targets")
    for number in range(20):
        sluice.publish("t", number)
    assert alerts() == set()
    dashboard = json.loads((EXAMPLES / "grafana/sluice.json").read_text())
    queries = [target["expr"].replace("$__rate_interval", "1m") for panel in dashboard["panels"] for target in panel["targets"]]
    assert len(queries) > 15
    # What has not happened has no line.
    silent = ("refused_connects", "websocket_closes")
    eventually(
        lambda: all(get("/api/v1/query", query=query)["result"] for query in queries if not any(name in query for name in silent)),
        what="an answer to each of the dashboard's queries",
    )
    sluice.publisher.kill()
    eventually(lambda: {"SluiceDown", "SluiceNobodyDelivers"} <= alerts(), what="the alerts")
    sluice.publish("t", 0)
    sluice.start_publisher("--operations-port", str(sluice.publisher.port)).ready()
    # That of the record which waited meanwhile may come, for as long as it counts.
    eventually(lambda: alerts().isdisjoint({"SluiceDown", "SluiceNobodyDelivers"}), what="the end of the alerts")
