"""The delivery link's port: only publishers that have proven themselves take a place, and only secrets that can't be guessed are taken."""

import re
import secrets
import socket
import threading
import time

import httpx
import pytest

from certificates import Authority
from processes import PATIENCE, Process, eventually
from subscriber import Subscriber


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def metric(process, name):
    text = httpx.get(process.address + "/metrics", timeout=PATIENCE).text
    return sum(float(value) for value in re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.M))


class SilentConnects:
    """Connects some 150 times a second, sends nothing, and keeps each connection for 4 s."""

    def __init__(self, port):
        self.port = port
        self.count = 0
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join()

    def _run(self):
        kept = []
        while not self.stopped.wait(1 / 150):
            kept.append((time.monotonic(), socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)))
            self.count += 1
            while kept[0][0] < time.monotonic() - 4:
                kept.pop(0)[1].close()
        for _, connection in kept:
            connection.close()


def test_strangers_at_the_port_keep_no_publisher_out(sluice):
    port = free_port()
    flags = ["--link", f"tcp://127.0.0.1:{port}", "--link-secret", secrets.token_urlsafe(48)]
    sluice.start_gateway(*flags).ready()
    with SilentConnects(port) as strangers:
        eventually(lambda: strangers.count >= 600, what="600 connects")
        with Subscriber(sluice.url()) as client:
            client.subscribe("t")
            sluice.start_publisher("--link-secret", flags[-1])
            began = time.monotonic()
            sequence = sluice.publish("t", 1)
            assert client.expect("event")["sequence"] == sequence
            # On a quiet machine it takes some 0.1 s; before, it took as long as the strangers went on.
            assert time.monotonic() - began < 5
            came = strangers.count
            # The open link isn't disturbed by those that follow.
            eventually(lambda: strangers.count >= came + 200, what="200 connects more")
            assert metric(sluice.publisher, "sluice_publisher_links_connected") == 1
            assert metric(sluice.gateway, "sluice_gateway_links_connected") == 1
            sluice.publish("t", 2)
            client.expect("event")
        assert metric(sluice.gateway, "sluice_link_refusals_total") > 0


@pytest.mark.parametrize("command", ["gateway", "publisher"])
@pytest.mark.parametrize("secret", ["a", "x" * 64, "changeme-" * 8])
def test_a_secret_that_can_be_guessed_is_refused_and_not_shown(sluice, command, secret):
    code, said = Process([command, *sluice.common()], {"SLUICE_LINK_SECRET": secret}).ended()
    assert code == 78, said
    assert "can be guessed" in said and "openssl rand" in said
    assert len(secret) == 1 or secret not in said


def test_a_link_over_tls_is_believed_by_its_authority_only(sluice, tmp_path):
    authority, other = Authority(tmp_path / "own"), Authority(tmp_path / "other", "other authority")
    certificate, key = authority.issue("gateway", ["DNS:localhost"])
    port, secret = free_port(), ["--link-secret", secrets.token_urlsafe(48)]
    link = ["--link", f"tls://localhost:{port}", "--link-certificate", str(certificate), "--link-key", str(key)]
    sluice.start_gateway(*link, *secret).ready()
    with Subscriber(sluice.url("?topic=t")) as client:
        client.expect("subscribed")
        stranger = sluice.start_publisher(*secret, "--link-ca", str(other.file))
        sluice.publish("t", 1)
        eventually(lambda: any("tlsFailed" in line and "--link-ca" in line for line in stranger.log), what="the warning")
        eventually(lambda: metric(sluice.gateway, "sluice_link_refusals_total") > 1, what="another attempt")
        assert len([line for line in stranger.log if "waiting for gateway" in line]) == 1
        assert metric(sluice.gateway, "sluice_gateway_links_connected") == 0
        # Nothing goes over the port in the clear.
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as plain:
            plain.sendall(b"\0" * 64)
            assert not plain.recv(100).startswith(b"\0")
        # The right file in place of the wrong one, while it tries.
        other.file.write_bytes(authority.file.read_bytes())
        assert client.expect("event")["data"] == 1
        sluice.publish("t", 2)
        assert client.expect("event")["data"] == 2
    eventually(lambda: metric(sluice.publisher, "sluice_publisher_links_connected") == 1, what="the link in the metrics")


def test_settings_of_a_link_over_tls_that_dont_go_together_are_refused(sluice, tmp_path):
    certificate, key = Authority(tmp_path).issue("gateway", ["DNS:localhost"])
    secret = ["--link-secret", secrets.token_urlsafe(48)]
    for flags, said in (
        (["--link", f"tls://localhost:{free_port()}", *secret], "--link-certificate"),
        (["--link-certificate", str(certificate), "--link-key", str(key)], "--link tls://"),
        (["--link", f"tls://localhost:{free_port()}", "--link-certificate", str(certificate)], "--link-key"),
        (["--link", f"tls://localhost:{free_port()}", "--link-certificate", str(certificate), "--link-key", str(key)], "secret"),
        (["--link", f"tls://localhost:{free_port()}", "--link-certificate", str(key), "--link-key", str(key), *secret], str(key)),
    ):
        code, text = Process(["gateway", *sluice.common(), "--port", "0", *flags]).ended()
        assert code != 0 and said in text, text
    code, text = Process(["publisher", *sluice.common(), "--link-ca", "/nowhere.pem"]).ended()
    assert code == 78 and "/nowhere.pem" in text, text
