"""The authorizers as an operator configures them, with a back end and tokens of their own."""

import asyncio
import http.server
import json
import os
import secrets
import threading
import time

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from processes import PATIENCE, Process, eventually
from subscriber import Subscriber
from test_bad_input import bearer, token

SECRET = "0123456789abcdef0123456789abcdef"


class BackEnd:
    """A user's back end: answers each question with `answer(question)` and keeps the questions."""

    def __init__(self, answer):
        self.questions = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.questions.append({**question, "bearer": self.headers["Authorization"]})
                status, body = answer(question)
                text = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 128

        self.server = Server(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}/sluice"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def asked(self, action):
        return [question for question in self.questions if question["action"] == action]

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def back_end(request):
    def answer(question):
        if question["token"] == "nobody":
            return 401, {}
        if question["action"] == "connect":
            return 200, {"allow": question["token"] != "banned", "principal": question["token"], "publish": ["open/#"], "ttlSeconds": 60}
        allowed = question["topic"].startswith("open/")
        return 200, {"allow": allowed, "reason": "Not yours.", "ttlSeconds": 0 if question["topic"] == "open/asked" else 60}

    back_end = BackEnd(answer)
    yield back_end
    back_end.stop()


def refused(url):
    with pytest.raises(InvalidStatus) as refusal:
        connect(url)
    answer = refusal.value.response
    return answer.status_code, json.loads(answer.body)["error"]["code"], answer.headers


def test_webhook_decides(sluice, back_end):
    page = ("--allowed-origins", "https://app.example")
    sluice.start_gateway("--authorizer", "webhook", "--webhook-url", back_end.address, "--webhook-token", "gateway's own", *page)
    with Subscriber(sluice.url("?token=alice&topic=open/1"), origin="https://app.example") as client:
        client.expect("subscribed")
        asked = back_end.asked("connect")
        assert len(asked) == 1 and asked[0]["token"] == "alice" and asked[0]["webSocket"] is True and asked[0]["path"] == "/ws"
        assert asked[0]["bearer"] == "Bearer gateway's own" and {"name": "topic", "value": "open/1"} in asked[0]["query"]
        assert {"name": "origin", "value": "https://app.example"} in asked[0]["headers"]
        assert [(question["topic"], question["principal"]) for question in back_end.asked("subscribe")] == [("open/1", "alice")]
        # Kept for its time: not asked again; with a time of 0 it is.
        client.subscribe("open/1")
        assert len(back_end.asked("subscribe")) == 1
        client.subscribe("open/asked")
        client.send(action="unsubscribe", id="u", topics=["open/asked"])
        client.expect("unsubscribed")
        client.subscribe("open/asked")
        assert len(back_end.asked("subscribe")) == 3
        client.send(action="subscribe", id="1", topics=["shut"])
        error = client.expect("error")
        assert error["code"] == "Forbidden" and "Not yours." in error["message"]
        client.send(action="publish", id="2", topic="shut", data=1)
        assert client.expect("error")["code"] == "Forbidden"
        client.send(action="publish", id="3", topic="open/2", data=1)
        client.expect("published")
        # The list of the answer to connect decides about publishing.
        assert back_end.asked("publish") == []
    post = lambda topic, name: httpx.post(f"{sluice.gateway.address}/topics/{topic}", json=1, headers=bearer(name))
    assert post("open/1", "alice").status_code == 202
    assert post("shut", "alice").json()["error"]["code"] == "Forbidden"
    assert post("open/1", "nobody").json()["error"]["code"] == "Unauthorized"
    assert refused(sluice.url("?token=banned"))[:2] == (403, "Forbidden")
    assert refused(sluice.url("?token=alice&topic=shut"))[:2] == (403, "Forbidden")


def test_webhook_that_is_down_allows_nothing(sluice, back_end):
    sluice.start_gateway("--authorizer", "webhook", "--webhook-url", back_end.address, "--webhook-timeout", "500ms")
    with Subscriber(sluice.url("?token=alice&topic=open/1")) as client:
        client.expect("subscribed")
        back_end.stop()
        client.send(action="subscribe", id="1", topics=["open/new"])
        assert client.expect("error")["code"] == "AuthorizerUnavailable"
        # What was granted is granted still.
        client.subscribe("open/1")
    status, code, headers = refused(sluice.url("?token=carol"))
    assert (status, code) == (503, "AuthorizerUnavailable") and headers["Retry-After"] == "1"
    answer = httpx.post(sluice.gateway.address + "/topics/open/1", json=1, headers=bearer("carol"))
    assert answer.status_code == 503 and answer.json()["error"]["code"] == "AuthorizerUnavailable"
    assert answer.headers["Retry-After"] == "1"
    assert httpx.get(sluice.gateway.address + "/healthz").status_code == 200


@pytest.mark.parametrize("answer", [(500, {"allow": True}), (200, {}), (200, {"allow": "yes"}), (200, [True]), (302, {"allow": True})])
def test_webhook_that_answers_nonsense_allows_nothing(sluice, answer):
    back_end = BackEnd(lambda _: answer)
    try:
        sluice.start_gateway("--authorizer", "webhook", "--webhook-url", back_end.address)
        assert refused(sluice.url("?token=alice"))[:2] == (503, "AuthorizerUnavailable")
    finally:
        back_end.stop()


def test_token_limits_every_way_to_a_topic(sluice):
    sluice.start("--authorizer", "jwt", "--jwt-secret", SECRET)
    address = sluice.gateway.address
    good = token(SECRET, publish=["mine/#", "tables/t/+"], subscribe=["mine/#", "tables/t/+"])
    ask = lambda method, path, **content: httpx.request(method, address + path, headers=bearer(good), **content)
    for method, path, content in [
        ("POST", "/topics/other", {"json": 1}), ("POST", "/topics", {"json": {"records": [{"topic": "mine/1", "data": 1}, {"topic": "other", "data": 1}]}}),
        ("GET", "/topics/other", {}), ("GET", "/topics/other/records", {}), ("PUT", "/tables/u/items/1", {"json": 1}),
        ("PATCH", "/tables/u/items/1", {"json": {}}), ("DELETE", "/tables/u/items/1", {}), ("GET", "/tables/u/items/1", {}),
    ]:
        answer = ask(method, path, **content)
        assert answer.status_code == 403 and answer.json()["error"]["code"] == "Forbidden", (method, path, answer.text)
        assert httpx.request(method, address + path, **content).json()["error"]["code"] == "Unauthorized"
    # The batch of which one record was forbidden has stored nothing.
    assert ask("GET", "/topics/mine/1").json()["sequence"] == 0
    assert ask("PUT", "/tables/t/items/1", json=1).status_code == 201
    assert ask("POST", "/topics/mine/1", json=1).status_code == 202
    assert httpx.post(f"{address}/topics/mine/1?token={good}", json=1).status_code == 202
    with Subscriber(sluice.url(), additional_headers=bearer(good)) as client:
        for action in ({"action": "subscribe", "topics": ["mine/1", "other"]}, {"action": "publish", "topic": "other", "data": 1}):
            client.send(id="1", **action)
            assert client.expect("error")["code"] == "Forbidden"
        # All or none: mine/1 was not subscribed either.
        ask("POST", "/topics/mine/1", json=1)
        client.quiet()
    assert refused(sluice.url(f"?access_token={good}&topic=other"))[:2] == (403, "Forbidden")
    assert refused(sluice.url("?token=a.b.c"))[:2] == (401, "Unauthorized")
    assert refused(sluice.url(f"?token={token(SECRET, exp=int(time.time()) - 60)}"))[:2] == (401, "TokenExpired")


def test_token_that_ends_closes_the_connection_and_refuses_the_request(sluice):
    sluice.start_gateway("--authorizer", "jwt", "--jwt-secret", SECRET, "--jwt-leeway", "0s")
    short = token(SECRET, exp=int(time.time()) + 2, subscribe=["#"], publish=["#"])
    with httpx.Client(base_url=sluice.gateway.address, headers=bearer(short)) as http, Subscriber(sluice.url(f"?token={short}")) as client:
        assert http.post("/topics/t", json=1).status_code == 202
        assert client.next()["type"] == "tokenExpires"
        with pytest.raises(ConnectionClosed) as closed:
            client.next()
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4402, "token expired")
        # Also on the connection that is kept alive, whose token was good before.
        answer = eventually(lambda: (answer := http.post("/topics/t", json=1)).status_code == 401 and answer)
        assert answer.json()["error"]["code"] == "TokenExpired"
    assert refused(sluice.url(f"?token={short}"))[:2] == (401, "TokenExpired")


def test_everybody_may_be_served_on_a_public_address_when_asked_for(sluice):
    gateway = sluice.start_gateway("--host", "0.0.0.0", "--authorizer", "allow-all")
    assert httpx.post(f"http://127.0.0.1:{gateway.port}/topics/t", json=1).status_code == 202


def memory(gateway):
    """What the process's own pages take, bytes."""
    with open(f"/proc/{gateway.process.pid}/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("RssAnon"))


def metric(gateway, name):
    lines = httpx.get(gateway.address + "/metrics").text.splitlines()
    return next((float(line.split()[1]) for line in lines if line.startswith(name + " ")), None)


async def ask_raw(port, requests, at_once, source="127.0.0.1"):
    """Sends each request on a connection of its own; their status codes."""
    gate = asyncio.Semaphore(at_once)

    async def one(request):
        async with gate:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
            writer.write(request)
            status = int((await reader.read(4096)).split(b" ", 2)[1])
            writer.close()
            return status

    return await asyncio.gather(*(one(request) for request in requests))


def get(token):
    return f"GET /topics/open/1 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n".encode()


def test_strangers_cannot_fill_the_memory_with_refusals(sluice):
    back_end = BackEnd(lambda _: (200, {"allow": False, "ttlSeconds": 3600}))
    try:
        gateway = sluice.start_gateway("--authorizer", "webhook", "--webhook-url", back_end.address, "--webhook-cache-bytes", "1MiB")
        before = memory(gateway)
        tokens = [secrets.token_hex(3500) for _ in range(2000)]
        assert set(asyncio.run(ask_raw(gateway.port, map(get, tokens), 50))) <= {403, 503}
        assert metric(gateway, "sluice_webhook_cache_bytes") <= 1 << 17
        assert metric(gateway, "sluice_webhook_cache_evictions_total") > 0
        assert memory(gateway) - before < 100 << 20
        eventually(lambda: metric(gateway, "sluice_webhook_cache_answers") == 0, what="an empty cache after the refusals' time")
    finally:
        back_end.stop()


def test_query_of_very_many_items_is_refused(sluice, back_end):
    gateway = sluice.start_gateway("--authorizer", "webhook", "--webhook-url", back_end.address)
    assert refused(sluice.url("?token=alice&" + "a&" * 65))[:2] == (400, "InvalidRequest")
    answer = httpx.post(f"{gateway.address}/topics/open/1?token=alice&" + "a&" * 65, json=1)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidRequest")
    answer = httpx.get(f"{gateway.address}/topics/open/1?token=alice&" + "a&" * 65)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidRequest")
    assert refused(sluice.url("?token=" + "t" * 8193))[:2] == (401, "Unauthorized")
    assert back_end.questions == []
    # Empty ones are none.
    with Subscriber(sluice.url("?token=alice&topic=open/1" + "&" * 1000)) as client:
        client.expect("subscribed")
        assert back_end.asked("connect")[0]["query"] == [{"name": "topic", "value": "open/1"}]


def test_flood_of_one_address_leaves_others_their_turn(sluice):
    turns = threading.Semaphore(0)

    def answer(question):
        turns.acquire()
        return 200, {"allow": question["token"].startswith("good"), "subscribe": ["#"]}

    back_end = BackEnd(answer)

    def asked(name):
        return sum(question["token"].startswith(name) for question in back_end.questions)

    async def until(check):
        end = time.monotonic() + 30
        while not check():
            assert time.monotonic() < end, (asked("bad"), asked("good"))
            await asyncio.sleep(0.01)

    async def attack():
        flood = asyncio.create_task(ask_raw(gateway.port, [get(f"bad{number}") for number in range(300)], 300))
        # A quarter of the 32 connections is left for others.
        await until(lambda: asked("bad") == 24 and metric(gateway, "sluice_webhook_waiting_questions") == 276)
        good = asyncio.create_task(ask_raw(gateway.port, [get(f"good{number}") for number in range(20)], 20, source="127.0.0.2"))
        await until(lambda: asked("good") == 8 and metric(gateway, "sluice_webhook_waiting_questions") == 288)
        # Of each two that are answered, one makes room for the other address.
        turns.release(28)
        await until(lambda: asked("good") == 20)
        assert asked("bad") <= 24 + 28
        turns.release(1000)
        return await good, await flood

    try:
        gateway = sluice.start_gateway("--authorizer", "webhook", "--webhook-url", back_end.address, "--webhook-timeout", "60s")
        good, flood = asyncio.run(attack())
        assert good == [200] * 20 and flood == [403] * 300
    finally:
        turns.release(1000)
        back_end.stop()


def test_public_key_is_no_secret(sluice, tmp_path):
    key = tmp_path / "key.pem"
    key.write_text("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n")
    code, said = Process(["gateway", *sluice.common(), "--port", "0", "--authorizer", "jwt", "--jwt-secret-file", str(key)]).ended()
    assert code == 78 and "--jwt-public-key-files" in said and "a key or certificate in PEM" in said
    sluice.start_gateway("--authorizer", "jwt", "--jwt-public-key-files", str(key))


def test_secrets_that_everyone_can_read_are_warned_of(sluice, tmp_path):
    key_set, link, settings = (tmp_path / name for name in ("set.json", "link", "settings.json"))
    key_set.write_text(json.dumps({"keys": [{"kty": "oct", "k": "A" * 64}]}))
    link.write_text("9f86d081884c7d659a2feaa0c55ad015\n")
    settings.write_text(json.dumps({"jwtSecret": SECRET}))
    flags = [
        "--authorizer", "jwt", "--jwks-file", str(key_set), "--link-secret-file", str(link),
        "--config", str(settings),
    ]
    files = (key_set, link, settings)
    for mode, is_warned in ((0o600, False), (0o644, True)):
        for file in files:
            os.chmod(file, mode)
        gateway = sluice.start_gateway(*flags)
        warned = [file for file in files if any("chmod 600" in line and str(file) in line for line in gateway.log)]
        assert warned == (list(files) if is_warned else [])
        gateway.terminate()
    code, said = Process(["gateway", *sluice.common(), "--link-secret", "x" * 32, *flags]).ended()
    assert code == 78 and "--link-secret and --link-secret-file are both set" in said


def test_webhook_token_comes_from_its_file(sluice, back_end, tmp_path):
    token_file = tmp_path / "token"
    token_file.write_text("gateway's own\n")
    sluice.start_gateway("--authorizer", "webhook", "--webhook-url", back_end.address, "--webhook-token-file", str(token_file))
    with Subscriber(sluice.url("?token=alice&topic=open/1")) as client:
        client.expect("subscribed")
    assert back_end.asked("connect")[0]["bearer"] == "Bearer gateway's own"


def test_password_in_a_url_is_never_shown(sluice):
    url = "http://user:hidden@127.0.0.1:1/?key=hidden"
    gateway = sluice.start_gateway("--authorizer", "webhook", "--webhook-url", url, "--log-level", "debug")
    assert httpx.get(gateway.address + "/topics/t").status_code == 503
    eventually(lambda: any("gave no answer" in line for line in gateway.log), what="the warning")
    gateway.terminate()
    assert "webhook-url" in "\n".join(gateway.log) and "hidden" not in "\n".join(gateway.log)
    for faulty in ("ftp://user:hidden@host/", "http://user:hidden@/"):
        code, said = Process(["gateway", *sluice.common(), "--authorizer", "webhook", "--webhook-url", faulty]).ended()
        assert code == 78 and "hidden" not in said
    code, said = Process(["bench", "--url", "http://user:hidden@127.0.0.1:8080"]).ended()
    assert code == 64 and "hidden" not in said


def test_a_back_end_that_closes_kept_connections_costs_nobody_an_answer(sluice):
    """It promises to keep each connection and closes it behind the answer, as servers do whose idle time is over just then."""
    back_end = BackEnd(lambda question: (200, {"allow": True, "publish": ["#"], "ttlSeconds": 0}))
    handler = back_end.server.RequestHandlerClass
    handler.protocol_version = "HTTP/1.1"
    answer = handler.do_POST

    def answer_and_close(self):
        answer(self)
        self.close_connection = True

    handler.do_POST = answer_and_close
    gateway = sluice.start_gateway("--authorizer", "webhook", "--webhook-url", back_end.address)
    statuses = []

    def publish(name):
        with httpx.Client(timeout=PATIENCE) as client:
            for number in range(20):
                headers = {"Authorization": f"Bearer {name}-{number}"}
                statuses.append(client.post(f"{gateway.address}/topics/t", json=1, headers=headers).status_code)

    threads = [threading.Thread(target=publish, args=(name,)) for name in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    back_end.stop()
    assert statuses == [202] * 320
