"""Tokens: another one on a live connection, the words before they end, the ways to give them, and issuers' keys fetched."""

import base64
import hashlib
import hmac
import http.server
import json
import pathlib
import subprocess
import tempfile
import threading
import time

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from processes import Sluice, eventually
from test_authorization import BackEnd

SECRET = "0123456789abcdef0123456789abcdef"


def encode(value):
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(name="alice", seconds=None, subscribe=("#",), publish=("#",), **claims):
    payload = {"sub": name, "sluice": {"subscribe": list(subscribe), "publish": list(publish)}, **claims}
    if seconds is not None:
        payload["exp"] = time.time() + seconds
    text = encode({"alg": "HS256"}) + "." + encode(payload)
    return text + "." + encode(hmac.digest(SECRET.encode(), text.encode(), hashlib.sha256))


@pytest.fixture(scope="module")
def gateway():
    sluice = Sluice()
    sluice.start("--authorizer", "jwt", "--jwt-secret", SECRET, "--jwt-leeway", "0", "--token-cookie", "sid", "--token-warning", "2s")
    yield sluice
    sluice.stop()


def message(socket, *kinds):
    while True:
        found = json.loads(socket.recv(30))
        if found["type"] in kinds:
            return found


def ask(socket, **members):
    socket.send(json.dumps(members))


def publish(gateway, topic, data):
    answer = httpx.post(f"{gateway.gateway.address}/topics/{topic}", json=data, headers={"authorization": f"Bearer {token('server')}"})
    assert answer.status_code == 202, answer.text


def test_a_new_token_keeps_what_it_allows_and_ends_the_rest(gateway):
    with connect(gateway.url(f"?token={token(subscribe=['a/#', 'b/#'])}")) as socket:
        ask(socket, action="subscribe", id="1", topics=["a/1", "b/1"])
        message(socket, "subscribed")
        publish(gateway, "a/1", 1)
        assert message(socket, "event")["data"] == 1
        ask(socket, action="authenticate", id="2", token=token(subscribe=["a/#"], publish=[]))
        lost = message(socket, "unsubscribed")
        assert (lost["topics"], lost["code"]) == (["b/1"], "Forbidden") and "id" not in lost
        assert message(socket, "authenticated") == {"type": "authenticated", "id": "2", "principal": "alice"}
        publish(gateway, "b/1", "not any more")
        publish(gateway, "a/1", 2)
        assert message(socket, "event")["data"] == 2
        ask(socket, action="publish", id="3", topic="a/1", data=3)
        assert message(socket, "error", "published")["code"] == "Forbidden"
        ask(socket, action="subscribe", id="4", topics=["b/1"])
        assert message(socket, "error", "subscribed")["code"] == "Forbidden"


def test_the_word_before_the_end_comes_in_time_and_a_new_token_moves_the_end(gateway):
    with connect(gateway.url(f"?topic=w&token={token(seconds=4)}")) as socket:
        warning = message(socket, "tokenExpires")
        assert 1 <= warning["inSeconds"] <= 2
        ask(socket, action="authenticate", token=token(seconds=30))
        assert 28 <= message(socket, "authenticated")["expiresInSeconds"] <= 30
        end = time.monotonic() + 4
        while time.monotonic() < end:
            publish(gateway, "w", "still here")
            assert message(socket, "event", "tokenExpires")["type"] == "event"
            time.sleep(0.2)
    with connect(gateway.url(f"?topic=w&token={token(seconds=3)}")) as socket:
        message(socket, "tokenExpires")
        with pytest.raises(ConnectionClosed):
            message(socket, "never")
        assert socket.close_code == 4402


@pytest.mark.parametrize(
    "new, code",
    [("rubbish", "Unauthorized"), (lambda: token(seconds=-5), "TokenExpired"), (lambda: token("bob"), "Forbidden"), ("", "InvalidRequest"), (7, "InvalidRequest")],
)
def test_a_token_that_is_not_good_leaves_the_old_one(gateway, new, code):
    with connect(gateway.url(f"?topic=old&token={token()}")) as socket:
        message(socket, "subscribed")
        ask(socket, action="authenticate", id="x", token=new() if callable(new) else new)
        error = message(socket, "error", "authenticated")
        assert (error["code"], error["id"]) == (code, "x")
        publish(gateway, "old", 1)
        assert message(socket, "event")["data"] == 1


def test_requests_behind_an_authenticate_wait_for_it(gateway):
    with connect(gateway.url(f"?token={token(subscribe=[], publish=[])}")) as socket:
        message(socket, "connected")
        ask(socket, action="authenticate", id="1", token=token(subscribe=["q"], publish=["q"]))
        ask(socket, action="subscribe", id="2", topics=["q"])
        ask(socket, action="publish", id="3", topic="q", data="in order")
        kinds = [message(socket, "authenticated", "subscribed", "published", "event", "error")["type"] for _ in range(4)]
        assert kinds[:2] == ["authenticated", "subscribed"] and sorted(kinds[2:]) == ["event", "published"]


def test_a_back_end_is_asked_about_what_a_client_has_when_its_token_changes():
    def answer(question):
        if question["action"] == "connect":
            return 200, {"allow": True, "principal": "alice", "ttlSeconds": 60}
        return 200, {"allow": question["topic"] == "kept" or question["token"] == "first", "ttlSeconds": 0}

    back_end, sluice = BackEnd(answer), Sluice()
    try:
        sluice.start("--authorizer", "webhook", "--webhook-url", back_end.address)
        with connect(sluice.url("?token=first")) as socket:
            ask(socket, action="subscribe", id="1", topics=["kept", "lost"])
            assert message(socket, "subscribed", "error")["type"] == "subscribed"
            ask(socket, action="authenticate", id="2", token="second")
            assert message(socket, "unsubscribed")["topics"] == ["lost"]
            assert message(socket, "authenticated")["id"] == "2"
            for topic in ("lost", "kept"):
                httpx.post(f"{sluice.gateway.address}/topics/{topic}", json=topic, headers={"authorization": "Bearer first"}).raise_for_status()
            assert message(socket, "event")["data"] == "kept"
    finally:
        back_end.stop()
        sluice.stop()


def test_a_token_comes_in_four_ways(gateway):
    base = f"ws://127.0.0.1:{gateway.gateway.port}/ws?topic=ways"
    good, bad = token(), token("mallory", seconds=-5)
    with connect(base, additional_headers={"Authorization": f"Bearer {good}"}) as socket:
        message(socket, "subscribed")
    with connect(base, subprotocols=["sluice.v1", f"bearer.{good}"]) as socket:
        assert socket.subprotocol == "sluice.v1"
        message(socket, "subscribed")
    with connect(base, additional_headers={"Cookie": f"x=1; sid={good}; y=2"}) as socket:
        message(socket, "subscribed")
    # The first way counts, whatever the others say.
    with connect(f"{base}&token={bad}", subprotocols=["sluice.v1", f"bearer.{good}"], additional_headers={"Cookie": f"sid={bad}"}) as socket:
        message(socket, "subscribed")
    for options in ({}, {"additional_headers": {"Cookie": f"sid={good}; sid={good}"}}, {"additional_headers": {"Cookie": "sidx=1"}}):
        with pytest.raises(InvalidStatus) as refusal:
            connect(base, **options)
        assert refusal.value.response.status_code == 401


def test_a_cookies_grant_is_not_anothers_on_one_connection(gateway):
    with httpx.Client(base_url=gateway.gateway.address) as client:
        def post(cookie):
            headers = {"cookie": cookie} if cookie else {}
            return client.post("/topics/mine/x", json=1, headers=headers).status_code

        mine, other = token(publish=["mine/#"]), token("bob", publish=["his/#"])
        assert [post(f"sid={mine}"), post(f"sid={other}"), post(None), post(f"sid={mine}")] == [202, 403, 401, 202]


class Issuer:
    """An issuer with RSA keys that rotate, as its HTTP server says."""

    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="sluice-issuer-"))
        self.keys, self.requests, self.broken, self.delay = {}, [], None, 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.requests.append(self.path)
                time.sleep(outer.delay)
                if outer.broken is not None:
                    body = outer.broken
                elif self.path == "/.well-known/openid-configuration":
                    body = json.dumps({"issuer": outer.name, "jwks_uri": outer.name + "/keys"}).encode()
                else:
                    body = json.dumps({"keys": [jwk for _, jwk in outer.keys.values()]}).encode()
                self.send_response(200 if body != b"503" else 503)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                try:
                    self.wfile.write(body)
                except OSError:
                    pass

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.name = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def rotate(self, name):
        file = self.directory / f"{name}.pem"
        subprocess.run(["openssl", "genrsa", "-out", file, "2048"], check=True, capture_output=True)
        text = subprocess.run(["openssl", "rsa", "-in", file, "-noout", "-modulus"], check=True, capture_output=True, text=True).stdout
        modulus = bytes.fromhex(text.strip().split("=")[1])
        self.keys = {name: (file, {"kty": "RSA", "kid": name, "use": "sig", "alg": "RS256", "n": encode(modulus), "e": "AQAB"})}

    def token(self, name, **claims):
        payload = {"iss": self.name, "sub": "alice", "exp": time.time() + 600, "sluice": {"publish": ["#"]}, **claims}
        text = encode({"alg": "RS256", "kid": name}) + "." + encode(payload)
        file = self.directory / f"{name}.pem"
        signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", file], input=text.encode(), check=True, capture_output=True).stdout
        return text + "." + encode(signature)

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def issuer():
    issuer = Issuer()
    issuer.rotate("one")
    yield issuer
    issuer.stop()


def status(sluice, text):
    return httpx.post(f"{sluice.gateway.address}/topics/i", json=1, headers={"authorization": f"Bearer {text}"}, timeout=30).status_code


def test_keys_are_found_by_an_issuers_configuration(issuer):
    sluice = Sluice()
    try:
        sluice.start_gateway("--authorizer", "jwt", "--jwt-oidc-issuer", issuer.name)
        assert status(sluice, issuer.token("one")) == 202
        assert status(sluice, issuer.token("one", iss="http://other.example")) == 401
        assert issuer.requests == ["/.well-known/openid-configuration", "/keys"]
        # Hundreds of made-up names cost no fetch for each: one in 30 s, which is two requests.
        began = time.monotonic()
        first = issuer.token("one").split(".")[1]
        for number in range(300):
            assert status(sluice, encode({"alg": "RS256", "kid": f"no{number}"}) + f".{first}.AAAA") == 401
        assert len(issuer.requests) <= 4 + 2 * int((time.monotonic() - began) / 30)
    finally:
        sluice.stop()


def test_an_issuer_that_is_down_at_start_is_waited_for_and_one_that_goes_down_is_not_missed(issuer):
    issuer.broken = b"503"
    sluice = Sluice()
    try:
        sluice.start_gateway("--authorizer", "jwt", "--jwks-url", issuer.name + "/keys")
        assert status(sluice, issuer.token("one")) == 503
        ready = httpx.get(sluice.gateway.address + "/readyz")
        assert ready.status_code == 503 and "503" in ready.json()["checks"]["authorizer"]
        for broken in (b"rubbish", b"{" + b" " * (2 << 20)):
            issuer.broken = broken
            eventually(lambda: status(sluice, issuer.token("one")) == 503, what="a refusal")
        issuer.broken = None
        eventually(lambda: status(sluice, issuer.token("one")) == 202, within=60, what="the keys")
        assert httpx.get(sluice.gateway.address + "/readyz").status_code == 200
        issuer.broken = b"503"
        assert status(sluice, issuer.token("one")) == 202
    finally:
        sluice.stop()


def test_an_address_that_others_could_change_is_refused():
    for flags in (["--jwks-url", "http://keys.example/jwks"], ["--jwt-oidc-issuer", "http://issuer.example"], ["--jwks-url", "ftp://x"]):
        sluice = Sluice()
        try:
            from processes import Process

            code, text = Process(["gateway", *sluice.common(), "--port", "0", "--authorizer", "jwt", *flags]).ended()
            assert code == 78 and "https" in text, text
        finally:
            sluice.stop()


def test_no_secret_is_in_any_log(issuer):
    """All ways of giving tokens and secrets, at the level that tells most."""
    sluice = Sluice()
    try:
        secrets = {name: f"{name}Secret0123456789abcdef0123456789" for name in ("jwt", "link")}
        port = sluice.start_gateway(
            "--log-level", "trace", "--access-log", "1", "--authorizer", "jwt", "--jwt-secret", SECRET, "--jwt-leeway", "0",
            "--token-cookie", "sid", "--link-secret", secrets["link"], "--jwks-url", issuer.name.replace("//", "//user:urlPassword0123@") + "/keys",
        ).port
        sluice.start_publisher("--log-level", "trace", "--link-secret", secrets["link"])
        good, bad = token(), token(seconds=-5)
        base = f"ws://127.0.0.1:{port}/ws?topic=t"
        for text in (good, bad):
            for options in (
                {"uri": f"{base}&token={text}"}, {"uri": base, "subprotocols": [f"bearer.{text}"]},
                {"uri": base, "subprotocols": ["sluice.v1", f"bearer.{text}"]}, {"uri": base, "subprotocols": ["other", f"bearer.{text}"]},
                {"uri": base, "additional_headers": {"Cookie": f"sid={text}"}}, {"uri": base, "additional_headers": {"Authorization": f"Bearer {text}"}},
            ):
                try:
                    with connect(**options) as socket:
                        ask(socket, action="authenticate", token=text)
                        ask(socket, action="authenticate", token=bad)
                        ask(socket, action="publish", topic="t", data=1)
                        message(socket, "published")
                except (InvalidStatus, ConnectionClosed):
                    pass
            for url in (f"/topics/t?token={text}", f"/topics/t/records?access_token={text}", f"/sse?topic=a%2B&token={text}", f"/nowhere?token={text}"):
                for headers in ({}, {"authorization": f"Bearer {text}", "cookie": f"sid={text}"}):
                    httpx.get(f"http://127.0.0.1:{port}{url}", headers=headers)
                    httpx.post(f"http://127.0.0.1:{port}{url}", headers=headers, content=b"1")
        shown = httpx.get(f"http://127.0.0.1:{port}/metrics").text
        said = "\n".join(sluice.gateway.log + sluice.publisher.log) + shown
        assert "access: refusal" in said
        for secret in (good.split(".")[2], bad.split(".")[2], SECRET, secrets["link"], "urlPassword0123"):
            assert secret not in said
    finally:
        sluice.stop()
