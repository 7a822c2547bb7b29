"""Limits by client: connections, connects, frames, publishes and quotas, each with its refusal, and others unharmed."""

import json
import os
import resource
import socket
import time

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from processes import PATIENCE, Sluice, eventually
from test_tokens import SECRET, ask, message, token

JWT = ("--authorizer", "jwt", "--jwt-secret", SECRET)


@pytest.fixture
def limited(sluice):
    """Starts with limits; everybody comes from 127.0.0.1, and from a proxy's clients when told so."""
    return sluice.start

    return start


def refusals(sluice, limit):
    # The question itself may be beyond the limit.
    text = eventually(lambda: (answer := httpx.get(sluice.gateway.address + "/metrics")).status_code == 200 and answer.text)
    line = next(line for line in text.splitlines() if line.startswith(f'sluice_limit_refusals_total{{limit="{limit}"}}'))
    return int(float(line.split()[-1]))


def raw(sluice, content=b""):
    peer = socket.create_connection(("127.0.0.1", sluice.gateway.port), timeout=PATIENCE)
    peer.sendall(content)
    return peer


def answer(peer):
    data = b""
    while b"\r\n\r\n" not in data or not data.endswith(b"}"):
        part = peer.recv(65536)
        if not part:
            break
        data += part
    return data


def from_address(address):
    return {"x-forwarded-for": address}


PROXIED = ("--trusted-proxies", "127.0.0.0/8")


def test_connections_of_an_address_are_limited_and_one_that_closes_makes_room(limited):
    sluice = limited("--address-connections", "3")
    held = [raw(sluice) for _ in range(3)]
    # Those that are held have to be counted before the next one comes.
    refused = eventually(lambda: answer(raw(sluice)) or None, what="a refusal")
    assert refused.startswith(b"HTTP/1.1 429") and b"TooManyConnections" in refused and b"retry-after: " in refused.lower()
    held.pop().close()
    assert eventually(lambda: answer(raw(sluice, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")).startswith(b"HTTP/1.1 200"))
    held.pop().close()
    assert eventually(lambda: refusals(sluice, "address_connections") >= 1)


def test_connections_in_all_are_limited(limited):
    sluice = limited("--connections", "2")
    held = [raw(sluice) for _ in range(2)]
    assert b"TooManyConnections" in answer(raw(sluice))
    for peer in held:
        peer.close()
    assert eventually(lambda: httpx.get(sluice.gateway.address + "/healthz").status_code == 200)
    assert refusals(sluice, "connections") >= 1


def test_behind_a_proxy_its_clients_count_and_not_its_connections(limited):
    sluice = limited("--address-connections", "2", *PROXIED)
    for _ in range(10):
        assert httpx.get(sluice.gateway.address + "/healthz", headers=from_address("192.0.2.1")).status_code == 200
    sockets = [connect(sluice.url(), additional_headers=from_address("192.0.2.1")) for _ in range(2)]
    with pytest.raises(InvalidStatus) as refused:
        connect(sluice.url(), additional_headers=from_address("192.0.2.1"))
    response = refused.value.response
    assert response.status_code == 429 and json.loads(response.body)["error"]["code"] == "TooManyConnections"
    # One who has one IPv6 address has its /64.
    sockets += [connect(sluice.url(), additional_headers=from_address(f"2001:db8::{n}")) for n in (1, 2)]
    with pytest.raises(InvalidStatus):
        connect(sluice.url(), additional_headers=from_address("2001:db8::3"))
    sockets.append(connect(sluice.url(), additional_headers=from_address("2001:db8:0:1::3")))
    sockets.pop(0).close()
    eventually(lambda: sockets.append(connect(sluice.url(), additional_headers=from_address("192.0.2.1"))) or True)
    for one in sockets:
        one.close()


def test_a_principal_has_so_many_sockets_streams_and_polls_together(limited):
    sluice = limited("--principal-connections", "3", *JWT)
    alice = token("alice")
    header = {"authorization": f"Bearer {alice}"}
    address = sluice.gateway.address
    with connect(sluice.url(f"?token={alice}")), httpx.stream("GET", f"{address}/sse?topic=a", headers=header) as stream:
        assert stream.status_code == 200
        with httpx.stream("GET", f"{address}/topics/a/stream", headers=header) as lines:
            assert lines.status_code == 200
            for path in ("/sse?topic=b", "/topics/a/stream", "/topics/a/records?after=0&wait=5s"):
                refused = httpx.get(address + path, headers=header)
                assert (refused.status_code, refused.json()["error"]["code"]) == (429, "TooManyConnections"), path
            with pytest.raises(InvalidStatus) as no:
                connect(sluice.url(f"?token={alice}"))
            assert no.value.response.status_code == 429
            # A page can't read a status: with the subprotocol it is a close code.
            with connect(sluice.url(f"?token={alice}"), subprotocols=["sluice.v1"]) as page, pytest.raises(ConnectionClosed) as closed:
                page.recv(PATIENCE)
            assert closed.value.rcvd.code == 4429
            connect(sluice.url(f"?token={token('bob')}")).close()
    eventually(lambda: httpx.get(f"{address}/topics/a/records?after=0&wait=1s", headers=header).status_code == 200)
    assert refusals(sluice, "principal_connections") >= 5


def test_connects_have_a_rate(limited):
    sluice = limited("--connects-per-second", "5:10")
    answers = [answer(raw(sluice, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")) for _ in range(40)]
    assert 5 < sum(one.startswith(b"HTTP/1.1 200") for one in answers) < 40
    assert any(b"TooManyConnections" in one for one in answers)
    eventually(lambda: raw(sluice) and httpx.get(sluice.gateway.address + "/healthz").status_code == 200)
    eventually(lambda: refusals(sluice, "connects") >= 1)


@pytest.mark.parametrize("way", ["plain", "batch", "item"])
@pytest.mark.parametrize("flag", ["connection", "principal", "address"])
def test_publishes_have_a_rate_and_others_go_on(limited, way, flag):
    if (way, flag) == ("item", "connection"):
        pytest.skip("an item is written by a task that many connections may share")
    sluice = limited(f"--{flag}-publishes-per-second", "2:4", *PROXIED, *JWT)
    # The token of the principal alone, the address alone and the connection alone are the same each time.
    names = iter(range(1000))
    with httpx.Client(base_url=sluice.gateway.address) as client:

        def publish(client):
            name = "alice" if flag == "principal" else f"user{next(names)}"
            address = "192.0.2.7" if flag == "address" else f"198.51.100.{next(names) % 250}"
            header = {"authorization": f"Bearer {token(name)}", **from_address(address)}
            if way == "plain":
                return client.post("/topics/t", json=1, headers=header)
            if way == "batch":
                return client.post("/topics", json={"records": [{"topic": "t", "data": 1}]}, headers=header)
            return client.put("/tables/t/items/k", json={"a": next(names)}, headers=header)

        answers = [publish(client) for _ in range(12)]
        refused = [one for one in answers if one.status_code == 429]
        assert refused and answers[0].status_code in (201, 202), [one.status_code for one in answers]
        assert refused[0].json()["error"]["code"] == "TooManyRequests" and int(refused[0].headers["retry-after"]) >= 1
        assert refusals(sluice, f"{flag}_publishes") == len(refused)
        other = {"authorization": f"Bearer {token('bob')}", **from_address("203.0.113.9")}
        with httpx.Client(base_url=sluice.gateway.address) as others:
            assert others.post("/topics/t", json=2, headers=other).status_code == 202
        eventually(lambda: publish(client).status_code in (200, 202), what="room again")


def test_a_batch_counts_by_its_records(limited):
    sluice = limited("--address-publishes-per-second", "1:10")
    batch = {"records": [{"topic": "t", "data": n} for n in range(30)]}
    assert httpx.post(sluice.gateway.address + "/topics", json=batch).status_code == 202
    refused = httpx.post(sluice.gateway.address + "/topics/t", json=1)
    assert refused.status_code == 429 and 15 <= int(refused.headers["retry-after"]) <= 22


def test_a_principal_cannot_fill_the_log(limited):
    sluice = limited("--principal-bytes-per-hour", "100KiB", *JWT)

    def publish(name, size):
        header = {"authorization": f"Bearer {token(name)}"}
        return httpx.post(sluice.gateway.address + "/topics/t", json="x" * size, headers=header)

    answers = [publish("alice", 30_000) for _ in range(6)]
    assert [one.status_code for one in answers] == [202] * 4 + [429] * 2
    assert int(answers[-1].headers["retry-after"]) > 60
    assert publish("bob", 30_000).status_code == 202
    assert refusals(sluice, "principal_bytes") == 2


def test_a_socket_that_publishes_too_fast_is_told_and_then_closed(limited):
    sluice = limited("--connection-publishes-per-second", "5:5")
    with connect(sluice.url()) as alice, connect(sluice.url("?topic=t")) as bob:
        for number in range(8):
            ask(alice, action="publish", id=str(number), topic="t", data=number)
        replies = [message(alice, "published", "error") for _ in range(8)]
        errors = [one for one in replies if one["type"] == "error"]
        assert {one["code"] for one in errors} == {"TooManyRequests"} and all(one["retryAfterMilliseconds"] > 0 for one in errors)
        assert 1 <= len(errors) <= 3 and {one["id"] for one in replies} == {str(n) for n in range(8)}
        # Whoever waits as it was told goes on.
        time.sleep(max(one["retryAfterMilliseconds"] for one in errors) / 1000)
        ask(alice, action="publish", id="9", topic="t", data=9)
        assert message(alice, "published", "error")["type"] == "published"
        with pytest.raises(ConnectionClosed) as closed:
            for number in range(5000):
                ask(alice, action="publish", topic="t", data=number)
                alice.recv(PATIENCE)
        assert closed.value.rcvd.code == 4429
        assert message(bob, "event")["data"] == 0


@pytest.mark.parametrize("what", ["messages", "fragments", "pings", "bytes"])
def test_a_socket_that_sends_too_much_is_told_and_then_closed(limited, what):
    sluice = limited(*(("--connection-bytes-per-second", "4KiB:16KiB") if what == "bytes" else ("--connection-messages-per-second", "20:40")))
    # What is compressed is counted as it was sent.
    with connect(sluice.url(), compression=None) as noisy, connect(sluice.url("?topic=t")) as quiet:
        try:
            for number in range(400):
                if what == "pings":
                    noisy.ping()
                elif what == "fragments":
                    noisy.send(["{", '"action":', '"ping"', "}"])
                else:
                    noisy.send(json.dumps({"action": "ping", "id": str(number), "x": "y" * (4000 if what == "bytes" else 1)}))
            while True:
                noisy.recv(PATIENCE)
        except ConnectionClosed as closed:
            assert closed.rcvd.code == 4429
        httpx.post(sluice.gateway.address + "/topics/t", json="still there")
        assert message(quiet, "event")["data"] == "still there"
    assert refusals(sluice, "connection_bytes" if what == "bytes" else "connection_messages") >= 100


def test_a_socket_within_its_rate_is_left_alone(limited):
    sluice = limited("--connection-messages-per-second", "20000:50")
    with connect(sluice.url()) as client:
        for number in range(200):
            ask(client, action="ping", id=str(number))
            assert message(client, "pong", "error") == {"type": "pong", "id": str(number)}


def test_the_profile_of_api_gateway(limited):
    sluice = limited("--limits", "aws", "--message-timeout", "20s")
    with connect(sluice.url(), compression=None) as client:
        # 32 KB a frame, 128 KB a message.
        client.send(["{", '"x":"' + "y" * 30_000, "z" * 30_000 + '",', '"action":"ping","id":"1"}'])
        assert message(client, "pong", "error")["type"] == "pong"
        client.send(json.dumps({"action": "ping", "x": "y" * 40_000}))
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                client.recv(PATIENCE)
        assert closed.value.rcvd.code == 1009
    with connect(sluice.url(), compression=None) as client, pytest.raises(ConnectionClosed) as closed:
        client.send(["y" * 30_000] * 5)
        while True:
            client.recv(PATIENCE)
    assert closed.value.rcvd.code == 1009


def test_a_value_of_ones_own_counts_more_than_the_profiles(limited):
    sluice = limited("--limits", "aws", "--frame-bytes", "64KiB")
    with connect(sluice.url(), compression=None) as client:
        client.send(json.dumps({"action": "ping", "x": "y" * 40_000}))
        assert message(client, "pong", "error")["type"] == "pong"


def test_without_pings_silence_alone_ends_a_connection(limited):
    sluice = limited("--ping-interval", "0", "--idle-timeout", "700ms")
    with connect(sluice.url(), ping_interval=None) as client, pytest.raises(ConnectionClosed) as closed:
        while True:
            client.recv(PATIENCE)
    assert closed.value.rcvd.code == 4009


def test_a_gateway_without_descriptors_refuses_and_recovers(sluice):
    sluice.start_gateway().ready()
    pid = sluice.gateway.process.pid
    used = len(os.listdir(f"/proc/{pid}/fd"))
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + 20, used + 20))
    held = []
    for _ in range(60):
        held.append(raw(sluice))
    eventually(lambda: len(os.listdir(f"/proc/{pid}/fd")) >= used + 15)

    def seconds():
        fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    # It waits, and doesn't spin.
    before = seconds()
    time.sleep(1.5)
    assert seconds() - before < 0.4
    for peer in held:
        peer.close()

    def healthy():
        try:
            return httpx.get(sluice.gateway.address + "/healthz", timeout=2).status_code == 200
        except httpx.TransportError:
            return False

    assert eventually(healthy, what="an answer")
    with connect(sluice.url()) as client:
        ask(client, action="ping", id="1")
        assert message(client, "pong")["id"] == "1"
