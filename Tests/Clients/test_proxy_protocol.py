"""PROXY headers in front of everything else, from trusted proxies only, with and without TLS."""

import contextlib
import json
import pathlib
import socket
import ssl
import struct
import subprocess
import time

import httpcore
import httpx
import pytest
from websockets.sync.client import connect

from certificates import Authority
from processes import PATIENCE, Process, Sluice, eventually

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
LINE = b"PROXY TCP4 203.0.113.7 198.51.100.1 4711 443\r\n"
BINARY = SIGNATURE + b"\x21\x11" + struct.pack(">H", 12) + bytes([203, 0, 113, 7, 198, 51, 100, 1]) + struct.pack(">HH", 4711, 443)
WITH_MORE = SIGNATURE + b"\x21\x11" + struct.pack(">H", 12 + 203) + BINARY[16:] + b"\x04" + struct.pack(">H", 200) + b"x" * 200
V6 = SIGNATURE + b"\x21\x21" + struct.pack(">H", 36) + socket.inet_pton(socket.AF_INET6, "2001:db8::9") + b"\0" * 16 + struct.pack(">HH", 4711, 443)
LOCAL = SIGNATURE + b"\x20\x00\0\0"
HEALTH = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def trust(authority):
    return ssl.create_default_context(cafile=str(authority.file))


@contextlib.contextmanager
def running(authority=None, *flags, trusted="127.0.0.1", publisher=False):
    sluice = Sluice()
    try:
        if authority:
            certificate, key = authority.issue("localhost", ["DNS:localhost", "IP:127.0.0.1"])
            flags = (*flags, "--tls-certificate", str(certificate), "--tls-key", str(key))
        sluice.start_gateway("--proxy-protocol", "--trusted-proxies", trusted, "--access-log", "1", *flags)
        if publisher:
            sluice.start_publisher().ready()
        yield sluice
    finally:
        sluice.stop()


@pytest.fixture(scope="module")
def plain():
    with running(publisher=True) as sluice:
        yield sluice


@pytest.fixture(scope="module")
def secure(authority):
    with running(authority, publisher=True) as sluice:
        yield sluice


def opened(sluice, header, trust=None):
    """A connection that begins with a header, TLS behind it where there is trust."""
    plain = socket.create_connection(("127.0.0.1", sluice.gateway.port), timeout=PATIENCE)
    if header:
        plain.sendall(header)
    return trust.wrap_socket(plain, server_hostname="localhost") if trust else plain


def asked(sluice, header, request=HEALTH, trust=None):
    """What is answered to a request behind a header; nothing when the connection is closed."""
    try:
        with opened(sluice, header, trust) as connection:
            connection.sendall(request)
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
            return answer
    except (ConnectionError, ssl.SSLError):
        return b""


def publish(topic):
    return f"POST /topics/{topic} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 1\r\nconnection: close\r\n\r\n1".encode()


def addresses(sluice, topic):
    """Who published to a topic, as the access log has it."""
    lines = [line for line in sluice.gateway.log if "access: publish" in line and topic in line]
    return [next(word.split("=", 1)[1] for word in line.split() if word.startswith("address=")) for line in lines]


def metric(sluice, reason, trust=None):
    text = asked(sluice, LOCAL, b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n", trust).decode()
    return next(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(f'sluice_proxy_header_failures_total{{reason="{reason}"}}'))


@pytest.mark.parametrize("header, client", [
    (LINE, "203.0.113.7:4711"), (BINARY, "203.0.113.7:4711"), (WITH_MORE, "203.0.113.7:4711"), (V6, "[2001:db8::9]:4711"),
    (b"PROXY TCP6 2001:db8::9 ::1 4711 443\r\n", "[2001:db8::9]:4711"), (LOCAL, "127.0.0.1:"), (b"PROXY UNKNOWN\r\n", "127.0.0.1:"),
])
@pytest.mark.parametrize("kind", ["plain", "secure"])
def test_the_client_is_whom_the_header_names(request, trust, kind, header, client):
    sluice = request.getfixturevalue(kind)
    topic = f"{kind}{abs(hash(header))}"
    trust = trust if kind == "secure" else None
    assert asked(sluice, header, publish(topic), trust).startswith(b"HTTP/1.1 202")
    found = eventually(lambda: addresses(sluice, topic), what="the line of the access log")
    assert found[0].strip('"').startswith(client), found
    # In one piece with what follows, and byte by byte.
    if kind == "plain":
        with opened(sluice, header + HEALTH) as connection:
            assert connection.recv(100).startswith(b"HTTP/1.1 200")
        with opened(sluice, b"") as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for index in range(len(header)):
                connection.send(header[index:index + 1])
            connection.sendall(HEALTH)
            assert connection.recv(100).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("header", [
    b"", b"GET / HTTP/1.1\r\n", b"PROXY TCP4 203.0.113.7 198.51.100.1 4711\r\n", b"PROXY TCP4 " + b"1" * 200, SIGNATURE + b"\x11\x11\0\0",
    SIGNATURE + b"\x21\x12" + BINARY[14:], SIGNATURE + b"\x21\x11\0\x02xx", SIGNATURE + b"\x21\x00\xff\xff", b"\x16\x03\x01" + b"\0" * 40,
])
def test_a_trusted_proxy_without_a_header_is_closed_and_counted(plain, header):
    before = metric(plain, "invalid")
    assert asked(plain, header) == b""
    assert metric(plain, "invalid") == before + 1
    assert any("no PROXY header" in line for line in plain.gateway.log)


def test_a_proxy_that_leaves_early_and_a_silent_one_are_counted(plain):
    before = metric(plain, "closed")
    with opened(plain, LINE[:10]):
        pass
    eventually(lambda: metric(plain, "closed") > before, what="the count")
    late = metric(plain, "timeout")
    began = time.monotonic()
    with opened(plain, LINE[:20]) as connection:
        assert connection.recv(10) == b""
    assert 8 < time.monotonic() - began < 15
    assert metric(plain, "timeout") == late + 1


def test_others_are_served_as_they_are_and_their_headers_are_not_believed(authority, trust):
    for kind in (None, authority):
        with running(kind, trusted="10.0.0.0/8") as sluice:
            trust_here = trust if kind else None
            assert asked(sluice, b"", publish("d"), trust_here).startswith(b"HTTP/1.1 202")
            assert eventually(lambda: addresses(sluice, "d"), what="the line")[0].strip('"').startswith("127.0.0.1:")
            answer = asked(sluice, LINE, HEALTH, trust_here)
            assert answer == b"" if kind else answer.startswith(b"HTTP/1.1 400")


def test_websockets_http2_and_rows_have_the_clients_address(secure, authority, trust):
    with connect("wss://localhost/ws?topic=w", sock=opened(secure, BINARY), ssl=trust) as client:
        assert json.loads(client.recv(PATIENCE))["type"] == "connected"
        rows = eventually(lambda: secure.command("connections")["connections"], what="the row")
        assert [row["remoteAddress"] for row in rows] == ["203.0.113.7:4711"]
    context = ssl.create_default_context(cafile=str(authority.file))
    context.set_alpn_protocols(["h2"])

    class Backend(httpcore.NetworkBackend):
        def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):
            stream = httpcore.SyncBackend().connect_tcp(host, port, timeout=timeout)
            stream.write(LINE, timeout)
            return stream

    with httpcore.ConnectionPool(ssl_context=context, http1=False, http2=True, network_backend=Backend()) as pool:
        url = f"https://localhost:{secure.gateway.port}/topics/h2"
        answer = pool.request("POST", url, headers={"content-type": "application/json"}, content=b"1")
        assert answer.status == 202 and answer.extensions["http_version"] == b"HTTP/2"
    assert eventually(lambda: addresses(secure, "h2"), what="the line")[0].strip('"') == "203.0.113.7:4711"


def test_the_chain_of_forwarded_fields_begins_at_the_headers_address(plain):
    def from_whom(header, topic):
        fields = b"x-forwarded-for: 198.51.100.99\r\n"
        assert asked(plain, header, publish(topic).replace(b"\r\nhost", b"\r\n" + fields + b"host", 1)).startswith(b"HTTP/1.1 202")
        return eventually(lambda: addresses(plain, topic), what="the line")[0].strip('"')

    # A client's own word isn't taken; that of the proxy itself, or of one that it names, is.
    assert from_whom(LINE, "chain1") == "203.0.113.7:4711"
    assert from_whom(LOCAL, "chain2") == "198.51.100.99"
    assert from_whom(LINE.replace(b"203.0.113.7", b"127.0.0.1"), "chain3") == "198.51.100.99"


def test_it_wants_to_know_whose_headers_to_believe():
    sluice = Sluice()
    try:
        code, text = Process(["gateway", *sluice.common(), "--port", "0", "--proxy-protocol"]).ended()
        assert code == 78 and "--trusted-proxies" in text, text
    finally:
        sluice.stop()


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def haproxy(directory, port, gateway_port, version):
    file = directory / "haproxy.cfg"
    file.write_text(
        "defaults\n mode tcp\n timeout connect 5s\n timeout client 60s\n timeout server 60s\n"
        f"listen sluice\n bind 127.0.0.1:{port}\n server gateway 127.0.0.1:{gateway_port} {version} check\n"
    )
    return ["/usr/sbin/haproxy", "-db", "-f", str(file)]


def nginx(directory, port, gateway_port, _):
    module = pathlib.Path("/usr/lib/nginx/modules/ngx_stream_module.so")
    if not module.exists():
        pytest.skip("nginx has no stream module here")
    file = directory / "nginx.conf"
    file.write_text(
        f"daemon off; pid {directory}/pid; error_log stderr;\nload_module {module};\nevents {{}}\n"
        f"stream {{ server {{ listen 127.0.0.1:{port}; proxy_pass 127.0.0.1:{gateway_port}; proxy_protocol on; }} }}\n"
    )
    return ["/usr/sbin/nginx", "-p", str(directory), "-c", str(file)]


@pytest.mark.parametrize("proxy, version", [(haproxy, "send-proxy"), (haproxy, "send-proxy-v2"), (nginx, "")])
@pytest.mark.parametrize("kind", ["plain", "secure"])
def test_real_proxies_of_connections(request, authority, trust, tmp_path, kind, proxy, version):
    sluice = request.getfixturevalue(kind)
    port = free_port()
    command = proxy(tmp_path, port, sluice.gateway.port, version)
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        scheme = "https" if kind == "secure" else "http"
        # A context of its own: this client has it offer HTTP/2.
        own_trust = ssl.create_default_context(cafile=str(authority.file))
        client = httpx.Client(base_url=f"{scheme}://localhost:{port}", verify=own_trust, timeout=PATIENCE, http2=kind == "secure")

        def is_up():
            with contextlib.suppress(httpx.TransportError):
                return client.get("/healthz").status_code == 200

        eventually(is_up, what=(tmp_path / "log").read_text())
        topic = f"real{kind}{version or 'nginx'}"
        with connect(f"{scheme.replace('http', 'ws')}://localhost:{port}/ws?topic={topic}", ssl=trust if kind == "secure" else None) as listening:
            kinds = [json.loads(listening.recv(PATIENCE))["type"] for _ in range(2)]
            assert kinds == ["connected", "subscribed"]
            assert client.post(f"/topics/{topic}", json=1).status_code == 202
            assert json.loads(listening.recv(PATIENCE))["data"] == 1
            # The row's port is the client's own, not one of the proxy's.
            own = "127.0.0.1:%d" % listening.socket.getsockname()[1]
            eventually(lambda: own in [row["remoteAddress"] for row in sluice.command("connections")["connections"]], what=f"the row of {own}")
        client.close()
    finally:
        process.kill()
        process.wait(PATIENCE)
