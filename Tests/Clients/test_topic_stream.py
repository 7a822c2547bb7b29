"""A topic's events as lines of JSON over a chunked response: what curl and any HTTP client can read."""

import json
import os
import signal
import subprocess
from unittest.mock import ANY

import httpx
import pytest

from processes import PATIENCE, eventually
from test_link import metric


class Lines:
    """An open stream, read line by line."""

    def __init__(self, gateway, topic, **query):
        self.client = httpx.Client(timeout=PATIENCE)
        request = self.client.build_request("GET", f"{gateway.address}/topics/{topic}/stream", params=query)
        self.answer = self.client.send(request, stream=True)
        self.lines = self.answer.iter_lines()

    def next(self):
        for line in self.lines:
            if line:
                return json.loads(line)
        return None

    def numbers(self, count):
        return [self.next()["sequence"] for _ in range(count)]

    def close(self):
        self.answer.close()
        self.client.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def publish(gateway, topic, count=1):
    return [
        httpx.post(f"{gateway.address}/topics/{topic}", json={"n": number}, timeout=PATIENCE).json()["sequence"] for number in range(count)
    ]


def test_events_come_as_lines_when_they_are_published(each_queue):
    each_queue.start()
    gateway = each_queue.gateway
    with Lines(gateway, "orders/1") as stream:
        assert stream.answer.status_code == 200
        assert stream.answer.headers["content-type"] == "application/x-ndjson"
        assert stream.next() == {"type": "subscribed", "topic": "orders/1", "sequence": 0, "epoch": ANY}
        sequence = publish(gateway, "orders/1")[0]
        assert stream.next() == {
            "type": "event", "topic": "orders/1", "sequence": sequence, "previous": 0, "contentType": "application/json", "data": {"n": 0},
        }
        assert metric(gateway, "sluice_event_streams") == 1
    eventually(lambda: metric(gateway, "sluice_event_streams") == 0, what="the end of the stream")


def test_curl_reads_it(running):
    gateway = running.gateway
    command = ["curl", "-sN", f"{gateway.address}/topics/curl/stream?after=0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as curl:
        assert json.loads(curl.stdout.readline())["type"] == "subscribed"
        publish(gateway, "curl")
        assert json.loads(curl.stdout.readline())["data"] == {"n": 0}
        curl.terminate()


def test_history_comes_first_then_what_is_new_without_a_seam(running):
    gateway = running.gateway
    before = publish(gateway, "seam", 300)
    with Lines(gateway, "seam", after=before[99]) as stream:
        first = stream.next()
        assert first["recovered"] is True and first["sequence"] == before[-1]
        after = publish(gateway, "seam", 50)
        assert stream.numbers(250) == before[100:] + after


def test_a_client_resumes_over_a_killed_gateway_without_loss_or_repetition(sluice):
    sluice.start()
    gateway = sluice.gateway
    seen = []
    with Lines(gateway, "t") as stream:
        stream.next()
        sent = publish(gateway, "t", 20)
        seen += stream.numbers(10)
    gateway.process.send_signal(signal.SIGKILL)
    gateway.process.wait()
    gateway = sluice.start_gateway().ready()
    sent += publish(gateway, "t", 20)
    with Lines(gateway, "t", after=seen[-1]) as stream:
        assert stream.next()["recovered"] is True
        seen += stream.numbers(30)
    assert seen == sent


def test_a_number_of_another_log_is_told_as_a_gap(running):
    with Lines(running.gateway, "foreign", after=10**12) as stream:
        assert stream.next() == {"type": "subscribed", "topic": "foreign", "sequence": 0, "epoch": ANY, "gap": {"from": 1, "to": 1}}


def test_what_a_client_may_not_have_is_refused_before_the_stream(running):
    gateway = running.gateway
    for path, status, code in [
        ("/topics/a/stream?after=x", 400, "InvalidRequest"), ("/topics/a+b/stream", 400, "InvalidTopic"),
    ]:
        answer = httpx.get(gateway.address + path, timeout=PATIENCE)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    # Its head alone subscribes nobody.
    assert httpx.head(f"{gateway.address}/topics/a/stream", timeout=PATIENCE).status_code == 200
    eventually(lambda: metric(gateway, "sluice_event_streams") == 0, what="the end of what nobody reads")


def test_a_client_that_does_not_read_is_broken_off_and_holds_up_nobody(sluice):
    sluice.start("--unwritten-bytes", "64KiB")
    gateway = sluice.gateway
    with Lines(gateway, "big") as slow, Lines(gateway, "big") as quick:
        assert slow.next()["type"] == quick.next()["type"] == "subscribed"
        # More than the kernel's buffers of a connection on loopback hold.
        for number in range(100):
            sequence = httpx.post(f"{gateway.address}/topics/big", json="x" * 400_000, timeout=PATIENCE).json()["sequence"]
            assert quick.next()["sequence"] == sequence
        eventually(lambda: metric(gateway, "sluice_event_streams") == 1, what="the end of the slow one")
        with pytest.raises(httpx.RemoteProtocolError):
            while slow.next() is not None:
                pass


def test_a_drain_ends_it_with_a_word(sluice):
    sluice.start()
    gateway = sluice.gateway
    with Lines(gateway, "t") as stream:
        stream.next()
        os.kill(gateway.process.pid, signal.SIGTERM)
        assert stream.next() == {"type": "end", "reason": "draining"}
        assert stream.next() is None
    assert gateway.process.wait(timeout=PATIENCE) == 0
