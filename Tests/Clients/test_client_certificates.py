"""Verified certificates of clients: what authorizers are told, and the principals that they give."""

import json
import ssl

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from certificates import Authority
from processes import Process, Sluice, eventually
from test_authorization import SECRET, BackEnd
from test_bad_input import token

NAMES = ["DNS:device7.example", "DNS:other.example", "URI:spiffe://example.org/device7", "IP:10.0.0.7"]


class Secure(Sluice):
    """A gateway with TLS that asks for certificates, and clients with one and without."""

    def __init__(self, directory, *flags):
        super().__init__()
        self.authority, self.people = Authority(directory / "gateway"), Authority(directory / "people")
        certificate, key = self.authority.issue("localhost", ["DNS:localhost", "IP:127.0.0.1"])
        self.device = self.people.issue("device7", NAMES, usage="clientAuth")
        self.flags = ["--tls-certificate", str(certificate), "--tls-key", str(key), "--tls-client-ca", str(self.people.file)]
        self.start_gateway(*self.flags, "--access-log", "1", *flags)

    def context(self, identity=None):
        context = ssl.create_default_context(cafile=str(self.authority.file))
        if identity:
            context.load_cert_chain(*map(str, identity))
        return context

    def client(self, identity=None, **options):
        return httpx.Client(base_url=self.gateway.address, verify=self.context(identity), timeout=30, **options)

    def websocket(self, query, identity=None):
        return connect(f"wss://localhost:{self.gateway.port}/ws{query}", ssl=self.context(identity))

    def websocket_status(self, query, identity=None):
        try:
            with self.websocket(query, identity):
                return 101
        except InvalidStatus as refusal:
            return refusal.response.status_code

    def published(self, topic):
        return [line for line in self.gateway.log if "access: publish" in line and topic in line]


@pytest.fixture
def started():
    running = []

    def start(*arguments):
        running.append(Secure(*arguments))
        return running[-1]

    yield start
    for sluice in running:
        sluice.stop()


def test_the_back_end_is_told_of_the_certificate(tmp_path, started):
    def answer(question):
        who = question.get("certificate")
        if question["action"] == "connect":
            return 200, {"allow": who is not None, "publish": ["a"], "subscribe": ["a"], "ttlSeconds": 60}
        return 200, {"allow": False}

    back_end = BackEnd(answer)
    try:
        sluice = started(tmp_path, "--authorizer", "webhook", "--webhook-url", back_end.address, "--tls-client-principal", "uri")
        for http2 in (False, True):
            with sluice.client(sluice.device, http2=http2) as client:
                assert client.post("/topics/a", json=1).status_code == 202
                assert client.get("/topics/a/records").status_code == 200
            with sluice.client(http2=http2) as client:
                assert client.post("/topics/a", json=1).status_code == 401
                assert client.get("/topics/a/records").status_code == 401
        assert sluice.websocket_status("?topic=a", sluice.device) == 101
        assert sluice.websocket_status("?topic=a") == 401
        shown = [question["certificate"] for question in back_end.questions if "certificate" in question]
        assert shown and all(one == shown[0] for one in shown)
        fingerprint = shown[0].pop("fingerprint")
        assert len(fingerprint) == 64 and set(fingerprint) <= set("0123456789abcdef")
        assert shown[0] == {
            "subject": "CN=device7", "commonName": "device7", "dnsNames": ["device7.example", "other.example"], "uris": ["spiffe://example.org/device7"],
        }
        # The back end named nobody: the certificate does.
        assert any("spiffe://example.org/device7" in line for line in sluice.published("topic=a") or sluice.published("a"))
    finally:
        back_end.stop()


def test_a_certificate_stands_for_a_token_where_it_is_told_so(tmp_path, started):
    sluice = started(
        tmp_path, "--authorizer", "jwt", "--jwt-secret", SECRET, "--tls-client-principal", "common-name",
        "--tls-client-subscribe", "devices/{principal}/#,news", "--tls-client-publish", "devices/{principal}/state",
    )
    wild = sluice.people.issue("wild", ["DNS:wild.example"], usage="clientAuth", common_name="#")
    nobody = sluice.authority.issue("stranger", ["DNS:x.example"], usage="clientAuth")
    with sluice.client(sluice.device) as client:
        assert client.post("/topics/devices/device7/state", json=1).status_code == 202
        assert client.post("/topics/devices/device8/state", json=1).status_code == 403
        assert client.post("/topics/news", json=1).status_code == 403
        assert client.get("/topics/devices/device7/state/records").status_code == 200
        assert client.get("/topics/devices/device8/state/records").status_code == 403
        # A token says who it is, and nothing else.
        bearer = {"authorization": f"Bearer {token(SECRET, publish=['other'])}"}
        assert client.post("/topics/other", json=1, headers=bearer).status_code == 202
        assert client.post("/topics/devices/device7/state", json=1, headers=bearer).status_code == 403
        assert client.post("/topics/devices/device7/state", json=1, headers={"authorization": "Bearer x"}).status_code == 401
        assert client.post("/topics/devices/device7/state", json=1).status_code == 202
    eventually(lambda: any("principal=device7" in line for line in sluice.published("devices/device7/state")), what="the principal in the log")
    with sluice.websocket("?topic=news&topic=devices/device7/x", sluice.device) as socket:
        assert json.loads(socket.recv(30))["type"] == "connected"
        row = eventually(lambda: sluice.command("connections")["connections"], what="the row")[0]
        assert row["principal"] == "device7"
    assert sluice.websocket_status("?topic=devices/device8/x", sluice.device) == 403
    # Without a certificate nothing has changed; a name that is a pattern is none of its own.
    with sluice.client() as client:
        assert client.post("/topics/devices/device7/state", json=1).status_code == 401
    with sluice.client(wild) as client:
        assert client.post("/topics/devices/device7/state", json=1).status_code == 403
        assert client.get("/topics/news/records").status_code == 200
    with pytest.raises(httpx.TransportError), sluice.client(nobody) as client:
        client.get("/healthz").raise_for_status()


def test_a_proxys_own_certificate_is_nobodys_principal(tmp_path, started):
    sluice = started(
        tmp_path, "--authorizer", "jwt", "--jwt-secret", SECRET, "--tls-client-principal", "common-name", "--tls-client-publish", "#",
        "--trusted-proxies", "127.0.0.1",
    )
    for http2 in (False, True):
        with sluice.client(sluice.device, http2=http2) as client:
            assert client.post("/topics/a", json=1).status_code == 401


def test_everybody_may_do_everything_and_is_known_by_name(tmp_path, started):
    sluice = started(tmp_path, "--tls-client-principal", "dns")
    with sluice.client(sluice.device) as client:
        assert client.post("/topics/a", json=1).status_code == 202
    with sluice.client() as client:
        assert client.post("/topics/b", json=1).status_code == 202
    eventually(lambda: any("principal=device7.example" in line for line in sluice.gateway.log), what="the name")


@pytest.mark.parametrize("flags, said", [
    (["--tls-client-principal", "dns"], "--tls-client-ca"), (["--tls-client-publish", "a"], "--tls-client-principal"),
    (["--tls-client-ca", "CA", "--tls-client-principal", "dns", "--tls-client-publish", "a/#/b"], "no topic pattern"),
])
def test_settings_that_dont_go_together_are_refused(tmp_path, flags, said):
    authority = Authority(tmp_path)
    certificate, key = authority.issue("localhost", ["DNS:localhost"])
    flags = [str(authority.file) if flag == "CA" else flag for flag in flags]
    sluice = Sluice()
    try:
        code, text = Process(["gateway", *sluice.common(), "--port", "0", "--tls-certificate", str(certificate), "--tls-key", str(key), *flags]).ended()
        assert code == 78 and said in text, text
    finally:
        sluice.stop()
