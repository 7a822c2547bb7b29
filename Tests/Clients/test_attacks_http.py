"""What a hostile client, page or proxy tries over HTTP, against real processes."""

import http.client
import json
import socket
import time

import httpx
import pytest

from chromium import PROGRAM, Chromium
from processes import PATIENCE, eventually
from subscriber import Subscriber
from test_authorization import SECRET, BackEnd
from test_bad_input import bearer, frame, raw, read_all, token, upgrade

MIB = 1 << 20


def by_cookie(question):
    """A back end that knows its users by their cookie, and one origin."""
    fields = {}
    for field in question.get("headers", []):
        fields.setdefault(field["name"], []).append(field["value"])
    name = {("sid=ALICE",): "alice", ("sid=BOB",): "bob"}.get(tuple(fields.get("cookie", [])))
    if name is None or fields.get("origin", ["https://app.example"]) != ["https://app.example"]:
        return 401, {}
    return 200, {"allow": True, "principal": name, "publish": [f"u/{name}/#"], "subscribe": [], "ttlSeconds": 60}


def test_one_users_grant_is_not_anothers_on_a_pooled_connection(sluice):
    back_end = BackEnd(by_cookie)
    try:
        # The back end alone decides about pages here.
        sluice.start_gateway("--authorizer", "webhook", "--webhook-url", back_end.address, "--allowed-origins", "*")
        # As a proxy that keeps its connections: every user's requests on the same one.
        proxy = http.client.HTTPConnection("127.0.0.1", sluice.gateway.port, timeout=30)

        def post(path, body=b"1", **fields):
            proxy.request("POST", path, body=body, headers={"Content-Type": "application/json", **fields})
            answer = proxy.getresponse()
            answer.read()
            return answer.status

        batch = json.dumps({"records": [{"topic": "u/alice/x", "data": 1}]}).encode()
        connection = None
        for _ in range(20):
            assert post("/topics/u/alice/x", Cookie="sid=ALICE") == 202
            connection = connection or proxy.sock
            assert post("/topics/u/alice/x", Cookie="sid=BOB") == 403
            assert post("/topics/u/bob/x", Cookie="sid=BOB") == 202
            assert post("/topics/u/alice/x") == 401
            assert post("/topics/u/alice/x", Cookie="sid=ALICE") == 202
            assert post("/topics", batch) == 401
            assert post("/topics", batch, Cookie="sid=BOB") == 403
            assert post("/topics/u/alice/x", Cookie="sid=ALICE", Origin="https://app.example") == 202
            assert post("/topics/u/alice/x", Cookie="sid=ALICE", Origin="https://evil.example") == 401
        assert proxy.sock is connection, "the connection was not kept"
    finally:
        back_end.stop()


def test_a_tokens_grant_does_not_cover_another_origin_on_its_connection(sluice):
    def own_pages_only(question):
        origins = [field["value"] for field in question.get("headers", []) if field["name"] == "origin"]
        return (200, {"allow": True, "publish": ["#"], "ttlSeconds": 60}) if origins in ([], ["https://app.example"]) else (401, {})

    back_end = BackEnd(own_pages_only)
    try:
        # As an operator may write the names.
        fields = ("--webhook-headers", "Origin,Cookie", "--allowed-origins", "*")
        sluice.start_gateway("--authorizer", "webhook", "--webhook-url", back_end.address, *fields)
        connection = raw(sluice, "")
        answers = connection.makefile("rb")

        def post(*fields):
            head = "".join(f"{field}\r\n" for field in fields)
            connection.sendall(
                f"POST /topics/a HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer K\r\n{head}Content-Length: 1\r\n\r\n1".encode()
            )
            status, length = int(answers.readline().split()[1]), 0
            while (line := answers.readline()) != b"\r\n":
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            answers.read(length)
            return status

        # The first have no Origin: what is kept of them says nothing about those that have one.
        assert [post(), post(), post("Origin: https://evil.example")] == [202, 202, 401]
        assert [post("Origin: https://app.example"), post("Cookie: sid=BOB"), post()] == [202, 202, 202]
    finally:
        back_end.stop()


@pytest.mark.parametrize("line", ["POST /topics/a", "POST /topics", "PUT /tables/t/items/1"])
def test_a_body_that_outlasts_its_token_is_not_stored(sluice, line):
    sluice.start_gateway("--authorizer", "jwt", "--jwt-secret", SECRET, "--jwt-leeway", "0s")
    until = int(time.time()) + 2
    pass_for_two_seconds = token(SECRET, publish=["#"], subscribe=["#"], exp=until)
    body = b'{"records":[{"topic":"a","data":1}]}'
    connection = raw(
        sluice,
        f"{line} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {pass_for_two_seconds}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n",
    )
    connection.sendall(body[:-1])
    eventually(lambda: time.time() > until + 0.2)
    connection.sendall(body[-1:])
    status = connection.recv(4096).split(b"\r\n")[0]
    assert status.startswith(b"HTTP/1.1 401 "), status


def test_two_authorization_fields_are_no_request(sluice):
    sluice.start_gateway("--authorizer", "jwt", "--jwt-secret", SECRET)
    admin, low = token(SECRET, publish=["#"], subscribe=["#"]), token(SECRET, publish=["low/#"], subscribe=[])
    fields = f"Host: localhost\r\nAuthorization: Bearer {admin}\r\nAuthorization: Bearer {low}\r\n"
    for line in ("POST /topics/secret", "POST /topics", "GET /topics/secret/records", "PUT /tables/t/items/1"):
        answer = read_all(raw(sluice, f"{line} HTTP/1.1\r\n{fields}Content-Length: 1\r\n\r\n1"))
        assert answer.startswith(b"HTTP/1.1 400 ") and b'"InvalidRequest"' in answer, (line, answer)
    handshake = (
        f"GET /ws HTTP/1.1\r\n{fields}Upgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    assert read_all(raw(sluice, handshake)).startswith(b"HTTP/1.1 400 ")
    # Behind a publish that was granted, on the short way of the reader as well.
    good = f"POST /topics/a HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {admin}\r\nContent-Length: 1\r\n\r\n1"
    connection = raw(sluice, good * 3 + f"POST /topics/low/a HTTP/1.1\r\n{fields}Content-Length: 1\r\n\r\n1")
    assert [answer[:3] for answer in read_all(connection).split(b"HTTP/1.1 ")[1:]] == [b"202", b"202", b"202", b"400"]


def test_a_gateway_on_the_loopback_answers_to_its_own_names(sluice):
    sluice.start_gateway("--allowed-hosts", "gw.example,*.shop.example")
    for host, allowed in [
        ("localhost", True), ("127.0.0.1:1", True), ("gw.example:8080", True), ("a.shop.example", True), ("GW.EXAMPLE", True),
        ("evil.example", False), ("localhost.evil.example", False), ("shop.example", False),
    ]:
        for path in ("/healthz", "/metrics", "/topics/t"):
            answer = httpx.get(sluice.gateway.address + path, headers={"Host": host})
            assert answer.status_code == (200 if allowed else 421), (host, path, answer.text)
        if not allowed:
            assert answer.json()["error"]["code"] == "MisdirectedRequest"
        answer = httpx.post(sluice.gateway.address + "/topics/t", json=1, headers={"Host": host})
        assert answer.status_code == (202 if allowed else 421)
        _, head = upgrade(sluice, Host=host)
        assert head.startswith("HTTP/1.1 101 " if allowed else "HTTP/1.1 421 "), (host, head)
    # On a connection that has been let in.
    good = "POST /topics/t HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\n1"
    answer = read_all(raw(sluice, good * 2 + good.replace("localhost", "evil.example")))
    assert [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]] == [b"202", b"202", b"421"]


def test_answers_with_outside_bytes_are_not_guessed_at(running):
    gateway = running.gateway.address
    httpx.put(gateway + "/tables/t/items/1", content=b"<script>", headers={"Content-Type": "text/html"})
    running.publish("t", "<script>")
    for method, path in [
        ("GET", "/tables/t/items/1"), ("GET", "/topics/t/records"), ("GET", "/topics/t"), ("GET", "/<script>"), ("POST", "/topics/+"),
        ("POST", "/topics/t"), ("GET", "/"), ("GET", "/client.js"), ("GET", "/metrics"), ("GET", "/ws"), ("DELETE", "/topics/t"),
    ]:
        answer = httpx.request(method, gateway + path, content=b"{" if method == "POST" else None)
        assert answer.headers["X-Content-Type-Options"] == "nosniff", (method, path)
    item = httpx.get(gateway + "/tables/t/items/1")
    assert item.headers["Content-Disposition"] == "attachment" and "sandbox" in item.headers["Content-Security-Policy"]
    assert item.headers["Cache-Control"] == "private, no-cache" and item.headers["Content-Type"] == "text/html"
    again = httpx.get(gateway + "/tables/t/items/1", headers={"If-None-Match": item.headers["ETag"]})
    assert again.status_code == 304 and again.headers["Cache-Control"] == "private, no-cache"
    assert "Cross-Origin-Resource-Policy" not in httpx.get(gateway + "/client.js").headers


@pytest.mark.skipif(PROGRAM is None, reason="Chromium isn't installed")
def test_stored_script_does_not_run_in_the_gateways_origin(sluice):
    sluice.start_gateway()
    gateway = sluice.gateway.address
    script = "fetch('/topics/ran', {method: 'POST', body: '1'}); window.ran = window.origin"
    html = f"<script>{script}</script>"
    svg = f"<svg xmlns='http://www.w3.org/2000/svg'><script>{script}</script></svg>"
    mixed = f"--b\r\nContent-Type: text/html\r\n\r\n{html}\r\n--b--\r\n"
    items = {
        "html": ("text/html", html), "svg": ("image/svg+xml", svg), "xhtml": ("application/xhtml+xml", f"<html xmlns='http://www.w3.org/1999/xhtml'>{html}</html>"),
        "mixed": ("multipart/x-mixed-replace; boundary=b", mixed), "utf7": ("text/html; charset=utf-7", html), "text": ("text/plain", html),
    }
    for key, (type, content) in items.items():
        assert httpx.put(f"{gateway}/tables/m/items/{key}", content=content, headers={"Content-Type": type}).status_code == 201
    browser = Chromium()
    try:
        tab = browser.open(gateway + "/healthz")
        tab.until("document.body?.textContent.includes('ok')")
        for key in items:
            tab.call("Page.navigate", url=f"{gateway}/tables/m/items/{key}")
            tab.until("document.readyState === 'complete'")
            assert tab.evaluate("window.ran ?? null") is None, key
        # The last one, which browsers show, is nobody's: its origin is opaque.
        tab.until("location.pathname === '/tables/m/items/text' && window.origin === 'null'")
        frame = browser.open(f"data:text/html,<iframe src='{gateway}/'></iframe><iframe src='{gateway}/tables/m/items/html'></iframe>")
        frame.until("document.readyState === 'complete'")
        assert httpx.get(gateway + "/topics/ran").json()["sequence"] == 0
    finally:
        browser.close()


def peak(sluice, reset=False):
    """The most memory that the gateway has had, bytes; from now on with `reset`."""
    process = f"/proc/{sluice.gateway.process.pid}"
    if reset:
        with open(process + "/clear_refs", "w") as file:
            file.write("5")
    with open(process + "/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM:"))


def push(connections, content):
    """Sends as much of `content` as each connection takes, until nobody takes more for a while."""
    left = {connection: memoryview(content) for connection in connections}
    for connection in connections:
        connection.setblocking(False)
    quiet_since = time.monotonic()
    while left and time.monotonic() - quiet_since < 1.5:
        for connection in list(left):
            try:
                sent = connection.send(left[connection][: 256 * 1024])
                left[connection] = left[connection][sent:]
                quiet_since = time.monotonic()
                if not left[connection]:
                    del left[connection]
            except BlockingIOError:
                pass
            except OSError:
                del left[connection]
        time.sleep(0.001)


@pytest.mark.parametrize("path, size", [("/topics", 8 * MIB), ("/topics/x", MIB), ("/tables/t/items/k", MIB)])
def test_bodies_are_not_read_before_the_token(sluice, path, size):
    sluice.start_gateway("--authorizer", "jwt", "--jwt-secret", SECRET)
    method = "PUT" if path.startswith("/tables") else "POST"
    before = peak(sluice, reset=True)
    connections = [
        raw(sluice, f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n\r\n") for _ in range(60)
    ]
    push(connections, bytes(size - 10))
    assert peak(sluice) - before < 40 * MIB
    assert httpx.get(sluice.gateway.address + "/healthz").status_code == 200


def test_bodies_are_not_read_while_the_authorizer_thinks(sluice):
    """And a client that asks whether to send its body is told once it may."""
    answers = {}

    def answer(question):
        eventually(lambda: answers)
        return (200, {"allow": True, "publish": ["#"], "subscribe": []}) if answers["allow"] else (401, {})

    back_end = BackEnd(answer)
    try:
        sluice.start_gateway("--authorizer", "webhook", "--webhook-url", back_end.address, "--webhook-timeout", "60s", "--webhook-ttl", "0s")
        before = peak(sluice, reset=True)
        head = f"POST /topics HTTP/1.1\r\nHost: localhost\r\nContent-Length: {8 * MIB}\r\n\r\n"
        connections = [raw(sluice, head) for _ in range(30)]
        push(connections, bytes(8 * MIB - 10))
        assert peak(sluice) - before < 30 * MIB
        asking = "POST /topics/t HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n"
        curious = raw(sluice, asking)
        answers["allow"] = False
        assert read_all(curious).startswith(b"HTTP/1.1 401 ")
        answers["allow"] = True
        curious = raw(sluice, asking)
        assert curious.recv(100).startswith(b"HTTP/1.1 100 ")
        curious.sendall(b"1")
        assert curious.recv(100).startswith(b"HTTP/1.1 202 ")
    finally:
        answers.setdefault("allow", False)
        back_end.stop()


@pytest.mark.parametrize("fragmented", [False, True])
def test_unfinished_messages_have_a_budget(sluice, fragmented):
    sluice.start_gateway("--unfinished-bytes", "8MiB")
    before = peak(sluice, reset=True)
    connections = []
    for _ in range(40):
        connection, head = upgrade(sluice)
        assert head.startswith("HTTP/1.1 101 ")
        connections.append(connection)
    content = b"".join(frame(0 if part else 2, bytes(60_000), final=False) for part in range(30)) if fragmented else frame(2, bytes(2 * MIB))[:-10]
    push(connections, content)
    assert peak(sluice) - before < 60 * MIB
    codes = []
    for connection in connections:
        connection.setblocking(True)
        connection.settimeout(0.2)
        received = b""
        try:
            while chunk := connection.recv(4096):
                received += chunk
        except OSError:
            pass
        if (at := received.rfind(b"\x88\x11\x03\xf5")) >= 0:
            codes.append(received[at + 4 :])
    assert set(codes) == {b"try again later"}
    metrics = httpx.get(sluice.gateway.address + "/metrics", timeout=PATIENCE).text
    refusals = next(line for line in metrics.splitlines() if line.startswith('sluice_budget_refusals_total{budget="unfinished"}'))
    assert int(refusals.split()[-1]) >= len(codes)
    with Subscriber(sluice.url("?topic=t")) as client:
        client.expect("subscribed")
    for connection in connections:
        connection.close()
    eventually(lambda: 'sluice_budget_bytes{budget="unfinished"} 0' in httpx.get(sluice.gateway.address + "/metrics", timeout=PATIENCE).text)


def test_answers_that_nobody_reads_are_not_made(sluice):
    sluice.start_gateway("--payload-bytes", "16MiB")
    gateway = sluice.gateway.address
    payload = "x" * 4_000
    with httpx.Client() as client:
        for _ in range(10):
            records = [{"topic": "big", "data": payload}] * 100
            assert client.post(gateway + "/topics", json={"records": records}).status_code == 202
    # What is sent in pieces is the same page.
    page = httpx.get(gateway + "/topics/big/records?limit=1000").json()
    assert [record["sequence"] for record in page["records"]] == list(range(1, 1_001)) and "next" not in page
    assert httpx.put(gateway + "/tables/t/items/k", content=bytes(12 * MIB), timeout=PATIENCE, headers={"Content-Type": "application/octet-stream"}).status_code == 201
    get = lambda: httpx.get(gateway + "/tables/t/items/k", timeout=PATIENCE)
    assert get().content == bytes(12 * MIB)

    def ask(path, count):
        connections = []
        for _ in range(count):
            connection = socket.socket()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(("127.0.0.1", sluice.gateway.port))
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            connections.append(connection)
        for connection in connections:
            assert connection.recv(9) == b"HTTP/1.1 "
        return connections

    before = peak(sluice, reset=True)
    unread = ask("/topics/big/records?limit=1000", 100)
    assert peak(sluice) - before < 60 * MIB
    # More than the sockets take; what the gateway holds has a total.
    unread += ask("/tables/t/items/k", 20)
    answer = eventually(lambda: (answer := get()).status_code == 503 and answer)
    metrics = httpx.get(gateway + "/metrics", timeout=PATIENCE).text
    held = next(line for line in metrics.splitlines() if line.startswith('sluice_budget_bytes{budget="unsent"}'))
    assert 12 * MIB < int(held.split()[-1]) <= 64 * MIB
    assert answer.json()["error"]["code"] == "Overloaded" and answer.headers["Retry-After"] == "1"
    # Small answers go on.
    assert httpx.get(gateway + "/topics/big").status_code == 200
    for connection in unread:
        connection.close()
    assert eventually(lambda: get().status_code == 200)


def test_history_that_is_read_slowly_comes_whole(sluice):
    sluice.start_gateway()
    for _ in range(5):
        httpx.post(sluice.gateway.address + "/topics", json={"records": [{"topic": "big", "data": "y" * 4_000}] * 200})
    connection = raw(sluice, "GET /topics/big/records?limit=1000 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    body = b""
    while part := answer.read(300_000):
        body += part
        time.sleep(0.02)
    assert len(json.loads(body)["records"]) == 1_000
