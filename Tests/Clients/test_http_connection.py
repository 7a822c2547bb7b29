"""The HTTP connection, with the clients and proxies that found its faults."""

import asyncio
import contextlib
import http.client
import json
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import aiohttp
import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from processes import PATIENCE, eventually
from subscriber import Subscriber
from test_authorization import SECRET, token
from test_bad_input import frame, raw, read_all, upgrade

H2C = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n"


def program(name):
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if found is None:
        pytest.skip(f"{name} isn't installed")
    return found


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextlib.contextmanager
def running_proxy(command, port):
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def listens():
        assert process.poll() is None, process.stderr.read().decode()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    try:
        eventually(listens, what="the proxy")
        yield f"127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)


@contextlib.contextmanager
def nginx(sluice, *ports):
    """As its own documentation has it: connections to the gateway are kept, WebSockets are passed on; several gateways as docs/operations.md has it."""
    servers = " ".join(f"server 127.0.0.1:{port} max_fails=0;" for port in ports or (sluice.gateway.port,))
    directory, port = pathlib.Path(tempfile.mkdtemp(prefix="nginx-")), free_port()
    paths = " ".join(f"{kind}_temp_path {directory}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (directory / "nginx.conf").write_text(f"""
        daemon off; master_process off; pid {directory}/pid; error_log stderr crit;
        events {{}}
        http {{
            access_log off; {paths}
            map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
            upstream gateway {{ {servers} keepalive 4; }}
            server {{
                listen 127.0.0.1:{port};
                location / {{
                    proxy_pass http://gateway; proxy_http_version 1.1; proxy_set_header Host localhost;
                    proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;
                    proxy_read_timeout 90s; proxy_next_upstream error timeout http_503 non_idempotent;
                }}
            }}
        }}""")
    with running_proxy([program("nginx"), "-p", directory, "-c", directory / "nginx.conf"], port) as address:
        yield address
    shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def haproxy(sluice):
    directory, port = pathlib.Path(tempfile.mkdtemp(prefix="haproxy-")), free_port()
    (directory / "haproxy.cfg").write_text(f"""
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    timeout tunnel 30s
frontend clients
    bind 127.0.0.1:{port}
    default_backend gateway
backend gateway
    http-reuse always
    server one 127.0.0.1:{sluice.gateway.port}
""")
    with running_proxy([program("haproxy"), "-db", "-f", directory / "haproxy.cfg"], port) as address:
        yield address
    shutil.rmtree(directory, ignore_errors=True)


@pytest.mark.parametrize("proxy", [nginx, haproxy])
def test_websockets_through_a_proxy_that_pools_connections(sluice, proxy):
    """Any request of a connection may become a WebSocket, whatever the proxy has sent on it before."""
    sluice.start()
    with proxy(sluice) as address:
        for turn in range(20):
            assert httpx.get(f"http://{address}/healthz").status_code == 200
            assert httpx.post(f"http://{address}/topics/t", json=turn).status_code == 202
            with Subscriber(f"ws://{address}/ws") as client:
                client.subscribe("t")
                assert httpx.post(f"http://{address}/topics/t", json=turn).status_code == 202
                assert client.expect("event")["data"] == turn
            # A refusal doesn't spoil the connection for whoever gets it next.
            assert httpx.get(f"http://{address}/ws").status_code == 426
            assert httpx.post(f"http://{address}/topics/t", json=turn).status_code == 202


def answers(connection, count):
    """So many answers, one after the other."""
    found = []
    for _ in range(count):
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        found.append((answer.status, answer.getheader("Connection"), answer.read()))
    return found


def test_client_that_offers_http_2_with_every_request(running):
    """The bytes of Java's default HttpClient: each of its PUTs and PATCHes is answered, on one connection."""
    with raw(running) as connection:
        for turn in range(300):
            method, body = [("PUT", "{}"), ("PATCH", '{"a":1}'), ("POST", "1"), ("GET", "")][turn % 4]
            path = "/topics/java" if method == "POST" else "/tables/java/items/1"
            head = f"{method} {path} HTTP/1.1\r\n{H2C}Content-Length: {len(body)}\r\nHost: localhost:{running.gateway.port}\r\n\r\n"
            connection.sendall((head + body).encode())
            ((status, closing, _),) = answers(connection, 1)
            assert status in (200, 201, 202) and closing is None, (turn, status, closing)


@pytest.mark.parametrize("path", ["/", "/client.js", "/healthz", "/readyz", "/metrics", "/latency", "/topics/t", "/topics/t/records", "/tables/h/items/1"])
def test_head_is_the_head_of_get(running, path):
    httpx.put(running.gateway.address + "/tables/h/items/1", json=1)
    with httpx.Client(base_url=running.gateway.address) as client:
        for _ in range(2):
            get, head = client.get(path), client.head(path)
            assert (get.status_code, head.status_code) == (200, 200)
            assert head.content == b"" and get.headers["Content-Type"] == head.headers["Content-Type"]
            assert path in ("/metrics", "/latency") or get.headers["Content-Length"] == head.headers["Content-Length"]


@pytest.mark.parametrize("path, status", [("/topics", 405), ("/nowhere", 404), ("/ws", 426)])
def test_head_elsewhere_has_no_body_either(running, path, status):
    """httpx and aiohttp would take one for the next answer."""
    with httpx.Client(base_url=running.gateway.address) as client:
        assert [client.head(path).status_code, client.get("/healthz").status_code] == [status, 200]

    async def ask():
        async with aiohttp.ClientSession(running.gateway.address) as session:
            found = []
            for method, target in (("HEAD", path), ("GET", "/healthz"), ("HEAD", "/healthz"), ("GET", "/healthz")):
                async with session.request(method, target) as answer:
                    await answer.read()
                    found.append(answer.status)
            return found

    assert asyncio.run(ask()) == [status, 200, 200, 200]


def test_wget_spider(running):
    command = [program("wget"), "--spider", "--tries=1", "--timeout=10", running.gateway.address + "/healthz"]
    assert subprocess.run(command, capture_output=True, timeout=PATIENCE).returncode == 0


@pytest.mark.parametrize("flags", [["-k"], ["-k", "-i"], []])
def test_ab_with_and_without_keep_alive(running, flags):
    """HTTP/1.0: a connection that goes on must be told so."""
    command = [program("ab"), *flags, "-q", "-s", "5", "-n", "50", "-c", "2", running.gateway.address + "/healthz"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "Complete requests:      50" in result.stdout and "Failed requests:        0" in result.stdout
    assert ("Keep-Alive requests:    50" in result.stdout) == ("-k" in flags), result.stdout


def test_ab_publishes_over_one_connection(running, tmp_path):
    body = tmp_path / "body"
    body.write_text("1")
    command = [program("ab"), "-k", "-q", "-s", "5", "-n", "20", "-p", body, "-T", "application/json", running.gateway.address + "/topics/ab"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert result.returncode == 0 and "Keep-Alive requests:    20" in result.stdout, result.stdout + result.stderr


@pytest.mark.parametrize(
    "request_text",
    [
        "POST /topics/hc HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\n1",
        "POST /topics/hc HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n1\r\n0\r\n\r\n",
        "POST /topics/hc HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 1\r\n\r\n1",
        "POST /topics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 35\r\n\r\n" + '{"records":[{"topic":"hc","data":1}',
    ],
)
def test_client_that_closes_its_side_gets_its_answer(running, request_text):
    """netcat -N and the like: all of 100."""
    if request_text.endswith("}"):
        request_text = request_text.replace("Content-Length: 35", "Content-Length: 37") + "]}"
    for _ in range(100):
        with raw(running, request_text) as connection:
            connection.shutdown(socket.SHUT_WR)
            assert read_all(connection).startswith(b"HTTP/1.1 202 ")


def test_pipelined_publishes_before_the_end_of_input(running):
    one = "POST /topics/hc HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\n1"
    for _ in range(20):
        with raw(running, one * 10) as connection:
            connection.shutdown(socket.SHUT_WR)
            assert read_all(connection).count(b"HTTP/1.1 202 ") == 10


def test_options(running):
    address = running.gateway.address
    for path, allowed in (("/topics/t", "GET, POST, HEAD, OPTIONS"), ("/tables/t/items/1", "GET, PUT, PATCH, DELETE, HEAD, OPTIONS")):
        answer = httpx.options(address + path)
        assert answer.status_code == 204 and answer.headers["Allow"] == allowed and answer.content == b""
    with raw(running, "OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n") as connection:
        assert read_all(connection).startswith(b"HTTP/1.1 204 ")


def test_refused_websocket_is_counted_and_tells_a_page_why(sluice):
    sluice.start_gateway("--authorizer", "jwt", "--jwt-secret", SECRET, "--log-level", "debug")
    good = token(SECRET, subscribe=["mine/#"])
    expired = token(SECRET, exp=int(time.time()) - 3600)
    for query, code in (("?token=a.b.c", 4401), ("", 4401), (f"?token={good}&topic=other", 4403), (f"?token={expired}", 4402)):
        with connect(sluice.url(query), subprotocols=["sluice.v1"]) as client, pytest.raises(ConnectionClosed) as closed:
            client.recv(PATIENCE)
        assert closed.value.rcvd.code == code and closed.value.rcvd.reason
    many = "&".join(f"topic=mine/{n}" for n in range(1_001))
    with connect(sluice.url(f"?token={good}&{many}"), subprotocols=["sluice.v1"]) as client, pytest.raises(ConnectionClosed) as closed:
        client.recv(PATIENCE)
    assert closed.value.rcvd.code == 4429
    # Whoever doesn't ask for sluice.v1 gets HTTP's answer, and goes on.
    connection, head = upgrade(sluice)
    assert head.startswith("HTTP/1.1 401 ")
    connection.close()
    metrics = httpx.get(sluice.gateway.address + "/metrics").text
    count = lambda code: next(float(line.split()[-1]) for line in metrics.splitlines() if line.startswith("sluice_websocket_refused_connects_total") and f'"{code}"' in line)
    assert [count(code) for code in ("Unauthorized", "Forbidden", "TokenExpired", "TooManySubscriptions")] == [3, 1, 1, 1]
    lines = [line for line in sluice.gateway.log if "refused its WebSocket" in line]
    assert len(lines) == 6 and all("127.0.0.1:" in line for line in lines) and any("Forbidden" in line for line in lines)
    assert not any(good in line for line in sluice.gateway.log)


@pytest.mark.parametrize("fragmented", [False, True])
def test_message_that_arrives_slowly_counts_as_activity(sluice, fragmented):
    """Longer than the idle time, in one frame or in many."""
    sluice.start_gateway("--ping-interval", "300ms", "--idle-timeout", "600ms")
    connection, head = upgrade(sluice)
    assert " 101 " in head
    text = json.dumps({"action": "publish", "id": "1", "topic": "slow", "data": "x" * 400}).encode()
    if fragmented:
        parts = [text[start:start + 40] for start in range(0, len(text), 40)]
        pieces = [frame(1 if index == 0 else 0, part, final=index == len(parts) - 1) for index, part in enumerate(parts)]
    else:
        whole = frame(1, text)
        pieces = [whole[start:start + 40] for start in range(0, len(whole), 40)]
    began, received = time.monotonic(), b""
    for index, piece in enumerate(pieces):
        connection.sendall(piece)
        # The pace of the client is what is tested.
        while time.monotonic() < began + (index + 1) * 0.2:
            with contextlib.suppress(TimeoutError):
                connection.settimeout(0.05)
                received += connection.recv(4096)
    assert b"idle timeout" not in received
    connection.settimeout(PATIENCE)
    while b'"type":"published","id":"1"' not in received:
        chunk = connection.recv(4096)
        assert chunk, received
        received += chunk
    connection.close()


def test_message_that_never_ends_is_cut(sluice):
    sluice.start_gateway("--message-timeout", "1s", "--ping-interval", "200ms", "--idle-timeout", "30s")
    connection, head = upgrade(sluice)
    assert " 101 " in head
    connection.sendall(frame(1, b"begun", final=False))
    received = b""
    while b"message timeout" not in received:
        connection.sendall(frame(0, b"x", final=False) if len(received) % 2 else frame(0, b"", final=False))
        chunk = connection.recv(4096)
        assert chunk, received
        received += chunk
    assert (4010).to_bytes(2, "big") in received
