"""Pages' origins, CORS, clients' addresses behind proxies, and a gateway below a path of a site."""

import json
import pathlib
import socket
import ssl
import subprocess

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from certificates import Authority
from processes import ROOT, Process, Sluice, eventually

EXAMPLES = ROOT / "docs/examples/proxies"
APP = "https://app.example.com"


@pytest.fixture(scope="module")
def gateway():
    sluice = Sluice().start("--allowed-origins", f"{APP},https://*.live.example.org", "--queue-api")
    yield sluice
    sluice.stop()


def websocket_status(url, **options):
    try:
        with connect(url, **options):
            return 101
    except InvalidStatus as refusal:
        return refusal.response.status_code


@pytest.mark.parametrize(
    "origin, is_allowed",
    [
        (APP, True), ("https://eu.live.example.org", True), ("own", True), (None, True), ("https://evil.example", False), ("null", False),
        ("http://app.example.com", False), (APP + ".evil.example", False), ("http://localhost:5173", False),
    ],
)
def test_pages_of_allowed_origins_may_use_the_gateway_and_no_others(gateway, origin, is_allowed):
    origin = gateway.gateway.address if origin == "own" else origin
    fields = {"origin": origin} if origin else {}
    assert websocket_status(gateway.url("?topic=o"), additional_headers=fields) == (101 if is_allowed else 403)
    before = httpx.get(f"{gateway.gateway.address}/topics/o").json()["sequence"]
    answers = {
        method: httpx.request(method, gateway.gateway.address + path, headers={**fields, "content-type": "text/plain"}, content=b"1" if method != "GET" else None)
        for method, path in (("POST", "/topics/o"), ("PUT", "/tables/o/items/1"), ("GET", "/topics/o/records"), ("DELETE", "/tables/o/items/1"))
    }
    assert (httpx.get(f"{gateway.gateway.address}/topics/o").json()["sequence"] > before) == is_allowed
    for method, answer in answers.items():
        if is_allowed or method == "GET":
            assert answer.status_code < 300, (method, answer.text)
        else:
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "ForbiddenOrigin")
        assert answer.headers.get("access-control-allow-origin") == (origin if is_allowed else None)
        # A refusal isn't kept by anybody; what else depends on the origin says so.
        assert answer.headers.get("vary") == ("origin" if origin and answer.status_code != 403 else None)


def test_errors_and_modules_can_be_read_by_allowed_pages(gateway):
    for path, status in (("/nowhere", 404), ("/topics/a/records?limit=x", 400), ("/client.js", 200), ("/healthz", 200)):
        answer = httpx.get(gateway.gateway.address + path, headers={"origin": APP})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (status, APP)
        assert answer.headers["access-control-allow-credentials"] == "true"
    large = httpx.post(f"{gateway.gateway.address}/topics/a", headers={"origin": APP}, content=b"x" * (2 << 20))
    assert (large.status_code, large.headers["access-control-allow-origin"]) == (413, APP)


@pytest.mark.parametrize("path", ["/topics/a", "/topics", "/tables/t/items/1", "/topics/a/records", "/sse", "/client.js", "/"])
def test_preflights_are_answered_on_every_path(gateway, path):
    asked = {
        "origin": APP, "access-control-request-method": "PUT", "access-control-request-private-network": "true",
        "access-control-request-headers": "content-type,authorization,x-amz-target",
    }
    answer = httpx.options(gateway.gateway.address + path, headers=asked)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == APP
    assert answer.headers["access-control-allow-headers"] == "content-type, authorization"
    assert answer.headers["access-control-allow-private-network"] == "true"
    foreign = httpx.options(gateway.gateway.address + path, headers={**asked, "origin": "https://evil.example"})
    assert not [name for name in foreign.headers if name.startswith("access-control")]


def test_origins_are_asked_over_http2_too(tmp_path):
    authority = Authority(tmp_path)
    certificate, key = authority.issue("localhost", ["DNS:localhost", "IP:127.0.0.1"])
    sluice = Sluice()
    try:
        address = sluice.start_gateway(
            "--tls-certificate", str(certificate), "--tls-key", str(key), "--allowed-origins", APP, "--path-prefix", "/rt"
        ).address
        assert address.endswith("/rt")
        context = ssl.create_default_context(cafile=str(authority.file))
        with httpx.Client(http2=True, verify=context, base_url=address) as client:
            for origin, status in ((APP, 202), ("https://evil.example", 403), (address.removesuffix("/rt"), 202)):
                answer = client.post("/topics/a", json=1, headers={"origin": origin})
                assert (answer.status_code, answer.http_version) == (status, "HTTP/2")
                assert answer.headers.get("access-control-allow-origin") == (origin if status == 202 else None)
            assert 'code="ForbiddenOrigin"} 1' in client.get("/metrics").text
            plain = address.removesuffix("/rt").replace("https", "http")
            assert client.post("/topics/a", json=1, headers={"origin": plain}).status_code == 403
            assert client.put("/tables/t/items/1", json=1, headers={"origin": "https://evil.example"}).status_code == 403
            assert client.get(address.removesuffix("/rt") + "/healthz").status_code == 404
            led = client.get(address)
            assert (led.status_code, led.headers["location"]) == (308, "/rt/")
            assert [event["data"] for event in client.get("/topics/a/records").json()["records"]] == [1, 1]
    finally:
        sluice.stop()


def test_settings_that_would_open_more_than_they_say_are_refused():
    for flags, said in (
        (["--allowed-origins", "app.example.com"], "no origin"), (["--trusted-proxies", "10.0.0.0/99"], "no network"),
        (["--path-prefix", "rt"], "no path prefix"),
        (["--authorizer", "jwt", "--jwt-secret", "x" * 40, "--token-cookie", "sid", "--allowed-origins", "*"], "--token-cookie"),
    ):
        sluice = Sluice()
        try:
            code, text = Process(["gateway", *sluice.common(), "--port", "0", *flags]).ended()
            assert code == 78 and said in text, text
        finally:
            sluice.stop()


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Proxy:
    """One of the proxies of docs/examples/proxies, as it stands there but for ports, paths and names."""

    def __init__(self, kind, directory, gateway_port, authority, identity):
        self.port = free_port()
        certificate, key = identity
        bundle = directory / "bundle.pem"
        bundle.write_bytes(certificate.read_bytes() + key.read_bytes())
        name = {"nginx": "nginx.conf", "caddy": "Caddyfile", "haproxy": "haproxy.cfg"}[kind]
        text = (EXAMPLES / name).read_text()
        for old, new in (
            ("127.0.0.1:8080", f"127.0.0.1:{gateway_port}"), ("/etc/sluice/tls/fullchain.pem", str(certificate)), ("/etc/sluice/tls/key.pem", str(key)),
            ("/etc/sluice/tls/bundle.pem", str(bundle)), ("listen 443 ssl", f"listen 127.0.0.1:{self.port} ssl"), ("bind :443", f"bind 127.0.0.1:{self.port}"),
            ("push.example.com {", f"https://localhost:{self.port} {{"), ("server_name push.example.com", "server_name localhost"),
        ):
            text = text.replace(old, new)
        if kind == "nginx":
            text = f"daemon off; pid {directory}/pid; error_log stderr;\n" + text.replace("http {", "http { access_log off; client_body_temp_path %s; proxy_temp_path %s;" % (directory, directory), 1)
        if kind == "caddy":
            text = "{\n\tadmin off\n\tauto_https disable_redirects\n\tskip_install_trust\n}\n" + text
        file = directory / name
        file.write_text(text)
        command = {
            "nginx": ["/usr/sbin/nginx", "-p", str(directory), "-c", str(file)],
            "caddy": ["caddy", "run", "--config", str(file), "--adapter", "caddyfile"],
            "haproxy": ["/usr/sbin/haproxy", "-db", "-f", str(file)],
        }[kind]
        self.log = (directory / "proxy.log").open("w+")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log, env={"HOME": str(directory), "PATH": "/usr/bin:/usr/sbin:/bin"})
        self.context = ssl.create_default_context(cafile=str(authority.file))
        self.client = httpx.Client(base_url=f"https://localhost:{self.port}/rt", verify=self.context, timeout=30)
        eventually(self.is_up, what=f"{kind}: {pathlib.Path(self.log.name).read_text()}")

    def is_up(self):
        try:
            return self.client.get("/healthz").status_code == 200
        except httpx.TransportError:
            return False

    def stop(self):
        self.client.close()
        # Caddy waits for what is open as long as it takes.
        self.process.kill()
        self.process.wait(20)
        self.log.close()


@pytest.mark.parametrize("kind", ["nginx", "caddy", "haproxy"])
def test_the_examples_proxies_carry_everything(kind, tmp_path):
    authority = Authority(tmp_path / "tls")
    identity = authority.issue("localhost", ["DNS:localhost", "IP:127.0.0.1"])
    sluice = Sluice()
    proxy = None
    try:
        # As with a site of its own: only what the proxy says of scheme and client counts.
        sluice.start("--path-prefix", "/rt", "--trusted-proxies", "127.0.0.1")
        proxy = Proxy(kind, tmp_path, sluice.gateway.port, authority, identity)
        client = proxy.client
        for number in range(30):
            assert client.post("/topics/p", json=number, headers={"x-forwarded-for": "6.6.6.6"}).status_code == 202
            assert client.get("/topics/p").json()["sequence"] == number + 1
        for _ in range(5):
            spoofed = {"X-Forwarded-For": "203.0.113.66"}
            url = f"wss://localhost:{proxy.port}/rt/ws?topic=p&after=28"
            with connect(url, ssl=proxy.context, additional_headers=spoofed) as socket:
                kinds = [json.loads(socket.recv(30)) for _ in range(4)]
                assert [message.get("data") for message in kinds[2:]] == [28, 29]
                if kind != "caddy":
                    # The test's own machine is a trusted proxy here, so that what it wrote counts.
                    rows = sluice.command("connections")["connections"]
                    assert any(row["remoteAddress"].startswith("203.0.113.66") for row in rows), rows
            assert client.get("/healthz").status_code == 200
        with client.stream("GET", "/topics/p/stream?after=29") as stream:
            lines = stream.iter_lines()
            assert json.loads(next(lines))["type"] == "subscribed"
            assert json.loads(next(lines))["data"] == 29
            client.post("/topics/p", json="live")
            assert json.loads(next(line for line in lines if line))["data"] == "live"
        with client.stream("GET", "/sse?topic=p") as stream:
            lines = stream.iter_lines()
            assert any(line.startswith("event: subscribed") for line in (next(lines), next(lines), next(lines)))
        assert client.get("/client.js").status_code == 200 and client.get("/").status_code == 200
        assert httpx.get(f"https://localhost:{proxy.port}/topics/p", verify=proxy.context).text != client.get("/topics/p").text
    finally:
        if proxy:
            proxy.stop()
        sluice.stop()


def test_a_strangers_word_about_his_address_is_not_taken():
    sluice = Sluice()
    try:
        sluice.start()
        with connect(sluice.url("?topic=a"), additional_headers={"X-Forwarded-For": "203.0.113.66", "Forwarded": "for=203.0.113.66"}) as socket:
            json.loads(socket.recv(30))
            rows = eventually(lambda: sluice.command("connections")["connections"], what="the row")
            assert all(row["remoteAddress"].startswith("127.0.0.1:") for row in rows), rows
    finally:
        sluice.stop()
