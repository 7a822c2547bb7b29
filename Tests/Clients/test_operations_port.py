"""The gateway's own port for operators."""

import json
import re
import signal
import socket
import ssl
import subprocess

import httpx
import pytest

from certificates import Authority
from processes import BINARY, Process, Sluice, environment, eventually
from subscriber import Subscriber

pytestmark = pytest.mark.alone


def operations(sluice, name="gateway"):
    """Where a gateway serves operators, as the registry says."""
    rows = sluice.command("connections")["gateways"]
    return next(row["operationsAddress"] for row in rows if row["name"] == name)


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture(scope="module")
def running():
    sluice = Sluice().start("--gateway-operations-port", "0", "--queue-api", "--path-prefix", "/rt")
    yield sluice
    sluice.stop()


def test_measures_are_on_the_operators_port_only(running):
    clients, own = running.gateway.address, operations(running)
    assert own != clients.removesuffix("/rt")
    running.publish("t", 1)
    for path in ("/metrics", "/latency", "/latency/records/1"):
        refused = httpx.get(clients + path)
        assert (refused.status_code, refused.json()["error"]["code"]) == (404, "NotFound")
        assert httpx.options(clients + path).status_code == 404
    assert 'sluice_gateway_links_connected' in httpx.get(own + "/metrics").text
    assert httpx.get(own + "/latency").json()["stages"]
    assert httpx.head(own + "/metrics").status_code in (200, 404, 405)
    for address in (clients, own):
        assert httpx.get(address + "/healthz").json() == {"status": "ok"}
        assert httpx.get(address + "/readyz").json()["status"] == "ready"


def test_the_operators_port_serves_nothing_else(running):
    own = operations(running)
    for method, path in (("POST", "/topics/t"), ("GET", "/topics/t/records"), ("GET", "/"), ("GET", "/ws"), ("GET", "/sse?topic=t"), ("POST", "/"), ("GET", "/client.js"), ("PUT", "/tables/t/items/1")):
        answer = httpx.request(method, own + path, json=1 if method in ("POST", "PUT") else None)
        assert answer.status_code == 404, (method, path, answer.text)
    assert httpx.post(own + "/metrics", json=1).status_code == 405
    assert httpx.get(own + "/metrics", headers={"host": "evil.example"}).status_code == 421
    assert httpx.get(own.replace("127.0.0.1", "localhost") + "/healthz").status_code == 200


def test_commands_find_it(running):
    running.publish("t", 2)
    assert any(stage["stage"] == "commit" for stage in running.command("latency"))
    assert all(row["state"] == "running" for row in running.command("connections")["gateways"])


def test_without_it_everything_is_as_it_was():
    sluice = Sluice()
    try:
        sluice.start()
        assert operations(sluice) == sluice.gateway.address
        assert httpx.get(sluice.gateway.address + "/metrics").status_code == 200
    finally:
        sluice.stop()


def test_latencies_of_a_gateway_with_tls_are_asked_without_its_certificate(tmp_path):
    certificate, key = Authority(tmp_path).issue("localhost", ["DNS:localhost", "IP:127.0.0.1"])
    sluice = Sluice()
    try:
        sluice.start_gateway("--tls-certificate", str(certificate), "--tls-key", str(key), "--gateway-operations-port", "0")
        own = operations(sluice)
        assert own.startswith("http://")
        eventually(lambda: httpx.get(own + "/readyz").status_code == 200, what="readiness")
        trust = ssl.create_default_context(cafile=str(tmp_path / "authority.pem"))
        assert httpx.post(sluice.gateway.address + "/topics/t", json=1, verify=trust).status_code == 202
        assert any(stage["stage"] == "commit" for stage in sluice.command("latency"))
    finally:
        sluice.stop()


def test_a_drain_can_be_watched():
    sluice = Sluice()
    try:
        sluice.start("--gateway-operations-port", "0", "--drain-window", "3s")
        own = operations(sluice)
        with Subscriber(sluice.url("?topic=t")) as client:
            client.expect("subscribed")
            sluice.gateway.process.send_signal(signal.SIGTERM)
            eventually(lambda: httpx.get(own + "/readyz").status_code == 503, what="that it drains")
            assert httpx.get(own + "/readyz").json()["status"] == "draining"
            assert httpx.get(own + "/metrics").status_code == 200
        assert sluice.gateway.process.wait(30) == 0
        with pytest.raises(httpx.TransportError):
            httpx.get(own + "/healthz")
    finally:
        sluice.stop()


def test_a_port_that_is_taken_is_told():
    sluice = Sluice()
    try:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            code, text = Process(["gateway", *sluice.common(), "--port", "0", "--gateway-operations-port", str(taken.getsockname()[1])]).ended()
        assert code != 0 and "--gateway-operations-port" in text, text
    finally:
        sluice.stop()


def test_up_and_one_file_give_each_process_its_own(tmp_path):
    ports = free_port(), free_port()
    file = tmp_path / "sluice.json"
    file.write_text(json.dumps({"gatewayOperationsPort": ports[0], "operationsPort": ports[1], "data": str(tmp_path / "data"), "port": 0, "drainWindow": "100ms"}))
    up = Process(["up", "--config", str(file)])
    try:
        eventually(lambda: next((line for line in up.log if re.search(r"^ +http://127\.0\.0\.1:\d+/$", line)), None), what="the address")
        for port, metric in zip(ports, ("sluice_gateway_links_connected", "sluice_publisher_links_connected")):
            eventually(lambda: metric in httpx.get(f"http://127.0.0.1:{port}/metrics").text, what=metric)
        command = [BINARY, "latency", "--data", str(tmp_path / "data"), "--json"]
        assert subprocess.run(command, capture_output=True, text=True, env=environment()).returncode == 0
    finally:
        up.terminate()
