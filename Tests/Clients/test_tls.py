"""TLS on the gateway's port: real clients, several certificates, replaced files, HTTP/2 and the redirect."""

import json
import pathlib
import signal
import socket
import ssl
import subprocess
import time

import httpx
import pytest
from websockets.sync.client import connect

from certificates import Authority
from processes import Sluice, eventually


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def identity(authority):
    return authority.issue("localhost", ["DNS:localhost", "IP:127.0.0.1"])


@pytest.fixture(scope="module")
def trust(authority):
    context = ssl.create_default_context(cafile=str(authority.file))
    return context


class Secure(Sluice):
    """Processes whose gateway speaks TLS."""

    def __init__(self, authority, identity, *flags, publisher=True):
        super().__init__()
        self.authority = authority
        certificate, key = identity
        self.start_gateway("--tls-certificate", str(certificate), "--tls-key", str(key), *flags)
        self.context = ssl.create_default_context(cafile=str(authority.file))
        if publisher:
            self.start_publisher()
            self.publisher.ready()
        eventually(self.is_ready, what="readiness over TLS")

    def client(self, **options):
        return httpx.Client(base_url=self.gateway.address, verify=self.context, timeout=30, **options)

    def is_ready(self):
        with self.client() as client:
            return client.get("/readyz").status_code == 200

    def websocket(self, query="", **options):
        return connect(f"wss://127.0.0.1:{self.gateway.port}/ws{query}", ssl=self.context, **options)

    def metric(self, name):
        with self.client() as client:
            lines = client.get("/metrics").text.splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))


@pytest.fixture(scope="module")
def secure(authority, identity):
    sluice = Secure(authority, identity)
    yield sluice
    sluice.stop()


def message(socket, kind):
    while True:
        found = json.loads(socket.recv(30))
        if found["type"] == kind:
            return found


def test_records_reach_a_websocket_over_tls(secure):
    assert secure.gateway.address.startswith("https://")
    with secure.websocket("?topic=a") as socket, secure.client() as client:
        message(socket, "subscribed")
        for number in range(50):
            assert client.post("/topics/a", json=number).status_code == 202
        assert [message(socket, "event")["data"] for _ in range(50)] == list(range(50))
        socket.send(json.dumps({"action": "publish", "topic": "a", "data": "x" * 300_000}))
        assert len(message(socket, "event")["data"]) == 300_000


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_versions_are_spoken_and_no_older_one(secure, authority, version):
    context = ssl.create_default_context(cafile=str(authority.file))
    context.minimum_version = context.maximum_version = version
    with socket.create_connection(("127.0.0.1", secure.gateway.port)) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as wrapped:
            assert wrapped.version() == version.name.replace("_", ".").replace("TLSv", "TLSv")
            assert "GCM" in wrapped.cipher()[0] or "CHACHA" in wrapped.cipher()[0]
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = ssl.TLSVersion.TLSv1
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    with socket.create_connection(("127.0.0.1", secure.gateway.port)) as plain, pytest.raises(ssl.SSLError):
        old.wrap_socket(plain, server_hostname="localhost")


def test_http2_serves_the_api(secure):
    with secure.client(http2=True) as client:
        answer = client.post("/topics/h2", json={"n": 1})
        assert answer.http_version == "HTTP/2" and answer.status_code == 202
        first = answer.json()["sequence"]
        batch = client.post("/topics", json={"records": [{"topic": "h2", "data": 2}, {"topic": "h2", "data": 3}]})
        assert [record["sequence"] for record in batch.json()["records"]] == [first + 1, first + 2]
        assert [event["data"] for event in client.get("/topics/h2/records").json()["records"]] == [{"n": 1}, 2, 3]
        assert client.post("/topics/h2", content=b"{", headers={"content-type": "application/json"}).json()["error"]["code"] == "InvalidJSON"
        assert client.post("/topics/h2", content=b"x" * (1 << 20 | 1)).status_code == 413
        assert client.get("/healthz", headers={"host": "evil.example"}).status_code == 421
        assert client.get("/nowhere").status_code == 404
        assert client.head("/healthz").content == b""
        assert client.put("/tables/t/items/1", json={"a": 1}).status_code == 201
        assert client.get("/tables/t/items/1").json() == {"a": 1}
        with client.stream("GET", "/topics/h2/stream") as stream:
            lines = stream.iter_lines()
            assert json.loads(next(lines))["type"] == "subscribed"
            assert client.post("/topics/h2", json=4).status_code == 202
            assert json.loads(next(line for line in lines if line))["data"] == 4


def test_curl_speaks_both(secure, authority):
    for flag, expected in (("--http1.1", "1.1"), ("--http2", "2")):
        command = [
            "curl", "-sS", flag, "--cacert", str(authority.file), "-o", "/dev/null", "-w", "%{http_version}",
            "-d", "1", "-H", "Content-Type: application/json", f"https://localhost:{secure.gateway.port}/topics/c",
        ]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == expected


def test_what_is_not_tls_is_closed_and_counted(secure):
    before = secure.metric("sluice_tls_handshake_failures_total")
    with socket.create_connection(("127.0.0.1", secure.gateway.port)) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        plain.settimeout(20)
        try:
            while plain.recv(4096):
                pass
        except ConnectionResetError:
            pass
    eventually(lambda: secure.metric("sluice_tls_handshake_failures_total") > before, what="the count")


def test_a_silent_client_is_closed_in_time(secure):
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", secure.gateway.port)) as plain:
        plain.settimeout(30)
        assert plain.recv(1) == b""
    assert 5 < time.monotonic() - began < 20
    assert secure.metric('sluice_tls_handshake_failures_total{reason="timeout"}') >= 1


def served(port, name, authority):
    """The first alternative name of the certificate that a client gets who asks for `name`."""
    context = ssl.create_default_context(cafile=str(authority.file))
    context.check_hostname = False
    with socket.create_connection(("127.0.0.1", port)) as plain, context.wrap_socket(plain, server_hostname=name) as wrapped:
        return wrapped.getpeercert()["subjectAltName"][0][1]


def test_the_certificate_follows_the_host(authority):
    files = [authority.issue(f"site{number}", [f"DNS:{name}"]) for number, name in enumerate(["one.example", "*.two.example"])]
    sluice = Sluice()
    try:
        sluice.start_gateway(
            "--tls-certificate", ",".join(str(certificate) for certificate, _ in files), "--tls-key", ",".join(str(key) for _, key in files)
        )
        port = sluice.gateway.port
        assert served(port, "one.example", authority) == "one.example"
        assert served(port, "A.two.example", authority) == "*.two.example"
        assert served(port, "a.b.two.example", authority) == "one.example"
        assert served(port, None, authority) == "one.example"
    finally:
        sluice.stop()


def test_replaced_files_are_taken_up_and_open_connections_stay(authority, tmp_path):
    own = Authority(tmp_path / "own")
    certificate, key = own.issue("gateway", ["DNS:first.example", "IP:127.0.0.1"])
    sluice = Secure(own, (certificate, key))
    try:
        with sluice.websocket("?topic=kept") as open_socket, sluice.client() as client:
            message(open_socket, "subscribed")
            # Half of a replacement: the old one stays.
            good = certificate.read_bytes(), key.read_bytes()
            certificate.write_text("-----BEGIN CERTIFICATE-----\nrubbish\n")
            eventually(lambda: any("old ones stay" in line for line in sluice.gateway.log), what="the log line")
            assert served(sluice.gateway.port, "x", own) == "first.example"
            other, other_key = own.issue("other", ["DNS:second.example", "IP:127.0.0.1"], days=3)
            certificate.write_bytes(other.read_bytes())
            key.write_bytes(other_key.read_bytes())
            eventually(lambda: served(sluice.gateway.port, "x", own) == "second.example", what="the new certificate")
            eventually(lambda: any("a certificate ends soon" in line for line in sluice.gateway.log), what="the warning")
            assert 0 < sluice.metric("sluice_tls_certificate_seconds_left") <= 3 * 86_400
            assert client.post("/topics/kept", json="still").status_code == 202
            assert message(open_socket, "event")["data"] == "still"
            # A hang-up ends no process.
            reads = sum("certificates were read" in line for line in sluice.gateway.log)
            sluice.gateway.process.send_signal(signal.SIGHUP)
            sluice.publisher.process.send_signal(signal.SIGHUP)
            eventually(lambda: sum("certificates were read" in line for line in sluice.gateway.log) > reads, what="the read")
            certificate.write_bytes(good[0])
            key.write_bytes(good[1])
            eventually(lambda: served(sluice.gateway.port, "x", own) == "first.example", what="the old certificate again")
            assert client.post("/topics/kept", json="after").status_code == 202
            assert message(open_socket, "event")["data"] == "after"
            assert sluice.publisher.process.poll() is None
    finally:
        sluice.stop()


@pytest.mark.parametrize("flags", [[], ["--redirect-port", "0"]])
def test_a_gateway_that_drains_closes_all_kinds_of_connections(authority, identity, flags):
    sluice = Secure(authority, identity, *flags)
    try:
        with sluice.websocket("?topic=d") as socket, sluice.client(http2=True) as client:
            message(socket, "subscribed")
            client.get("/healthz")
            began = time.monotonic()
            assert sluice.gateway.terminate() == 0
            assert time.monotonic() - began < 10
            with pytest.raises(Exception):
                message(socket, "event")
            assert socket.close_code == 1001
    finally:
        sluice.stop()


def test_plain_http_is_led_to_https(authority, identity):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    sluice = Secure(authority, identity, "--redirect-port", str(port), publisher=False)
    try:
        base = f"http://127.0.0.1:{port}"
        answer = eventually(lambda: try_get(base + "/topics/a%2Fb/records?limit=1"), what="the redirect")
        assert answer.status_code == 308
        assert answer.headers["location"] == f"https://127.0.0.1:{sluice.gateway.port}/topics/a%2Fb/records?limit=1"
        assert httpx.post(base + "/topics/a", content=b"1").status_code == 308
        assert httpx.get(base, headers={"host": "evil.example"}).status_code == 421
        assert httpx.get(base, headers={"host": "localhost\"x"}).status_code == 421
    finally:
        sluice.stop()


def test_a_port_that_is_taken_is_named_by_its_setting(authority, identity):
    from processes import Process

    sluice = Sluice()
    try:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            flags = ["--tls-certificate", str(identity[0]), "--tls-key", str(identity[1]), "--redirect-port", str(port)]
            code, text = Process(["gateway", *sluice.common(), "--port", "0", *flags]).ended()
        assert code != 0 and f"Port {port}" in text and "--redirect-port" in text, text
    finally:
        sluice.stop()


def try_get(url):
    try:
        return httpx.get(url)
    except httpx.TransportError:
        return None


@pytest.mark.parametrize(
    "flags, said",
    [
        (["--tls-certificate", "{certificate}"], "a key for each"),
        (["--tls-certificate", "/nowhere.pem", "--tls-key", "{key}"], "/nowhere.pem"),
        (["--tls-certificate", "{certificate}", "--tls-key", "{other}"], "isn't that of the certificate"),
        (["--redirect-port", "0"], "--tls-certificate"),
        (["--tls-client-required"], "--tls-certificate"),
    ],
)
def test_files_that_do_not_go_together_end_the_start(authority, identity, flags, said):
    from processes import Process

    other = authority.issue("another", ["DNS:another.example"])[1]
    values = {"certificate": identity[0], "key": identity[1], "other": other}
    sluice = Sluice()
    try:
        process = Process(["gateway", *sluice.common(), "--port", "0", *[flag.format(**values) for flag in flags]])
        code, text = process.ended()
        assert code == 78 and said in text, text
    finally:
        sluice.stop()


def test_clients_show_certificates(authority, identity):
    people = Authority(pathlib.Path(authority.directory) / "people", "people")
    sluice = Secure(authority, identity, "--tls-client-ca", str(people.file), publisher=False)
    try:
        port = sluice.gateway.port
        alice = people.issue("alice", ["DNS:alice.example"], usage="clientAuth")
        stranger = authority.issue("stranger", ["DNS:stranger.example"], usage="clientAuth")
        ended = people.issue("ended", ["DNS:ended.example"], usage="clientAuth", days=0)
        for files, is_let_in in ((None, True), (alice, True), (stranger, False), (ended, False)):
            context = ssl.create_default_context(cafile=str(authority.file))
            if files:
                context.load_cert_chain(*map(str, files))
            assert answers(port, context) == is_let_in, files
        assert sluice.metric('sluice_tls_handshake_failures_total{reason="certificate"}') >= 2
    finally:
        sluice.stop()
    sluice = Sluice()
    try:
        certificate, key = identity
        flags = ["--tls-certificate", str(certificate), "--tls-key", str(key), "--tls-client-ca", str(people.file)]
        port = sluice.start_gateway(*flags, "--tls-client-required").port
        context = ssl.create_default_context(cafile=str(authority.file))
        assert not answers(port, context)
        context.load_cert_chain(*map(str, alice))
        assert answers(port, context)
    finally:
        sluice.stop()


def answers(port, context):
    try:
        with socket.create_connection(("127.0.0.1", port)) as plain:
            with context.wrap_socket(plain, server_hostname="localhost") as wrapped:
                wrapped.settimeout(20)
                wrapped.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                return wrapped.recv(4096).startswith(b"HTTP/1.1 200")
    except OSError:
        return False
