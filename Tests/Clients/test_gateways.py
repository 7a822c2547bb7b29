"""Several gateways on one data directory: everyone gets everything, and none waits for one that is gone or silent."""

import signal
import threading
import time

import httpx

import pytest
from processes import PATIENCE, eventually
from subscriber import Subscriber
from test_http_connection import nginx

TOPICS = [f"t/{n}" for n in range(16)]


def start_two(sluice):
    first = sluice.start("--name", "first").gateway
    second = sluice.start_gateway("--name", "second").ready()
    return first, second


def open_at(gateway):
    client = Subscriber(f"ws://127.0.0.1:{gateway.port}/ws")
    client.subscribe(*TOPICS)
    return client


def publish_at(sluice, gateway, rounds):
    sluice.gateway = gateway
    return sorted(sluice.publish(topic, n) for n in range(rounds) for topic in TOPICS)


def test_everyone_gets_everything_in_order(each_queue):
    first, second = start_two(each_queue)
    with open_at(first) as one, open_at(second) as other:
        sequences = publish_at(each_queue, first, 3) + publish_at(each_queue, second, 3)
        for client in (one, other):
            last = dict.fromkeys(TOPICS, 0)
            events = client.events(len(sequences))
            assert sorted(event["sequence"] for event in events) == sequences
            for event in events:
                assert event["previous"] == last[event["topic"]]
                last[event["topic"]] = event["sequence"]
            client.quiet()


def test_killed_gateway_delays_nobody_and_its_records_retire(each_queue):
    first, second = start_two(each_queue)
    with open_at(first) as client:
        open_at(second)
        second.kill()
        sequences = publish_at(each_queue, first, 3)
        began = time.monotonic()
        assert sorted(event["sequence"] for event in client.events(len(sequences))) == sequences
        assert time.monotonic() - began < 3, "the dead gateway's lease was waited for"

        def waiting():
            depth = each_queue.command("queue", "depth")
            return depth["visible"] + depth["inFlight"] + depth["delayed"]

        assert waiting() > 0, "a gateway that may come back was given up before its lease"
        eventually(lambda: waiting() == 0, what="the end of the dead gateway's lease")


def test_stopped_gateway_delays_nobody_and_misses_nothing(each_queue):
    first, second = start_two(each_queue)
    with open_at(first) as client, open_at(second) as other:
        second.process.send_signal(signal.SIGSTOP)
        sequences = publish_at(each_queue, first, 3)
        began = time.monotonic()
        assert sorted(event["sequence"] for event in client.events(len(sequences))) == sequences
        assert time.monotonic() - began < 3, "the silent gateway was waited for"
        second.process.send_signal(signal.SIGCONT)
        assert sorted(event["sequence"] for event in other.events(len(sequences))) == sequences


def test_gateway_that_was_taken_for_dead_misses_nothing(sluice):
    """Its rows are removed and what its clients wait for is retired; when it goes on it brings them up from the log."""
    first, second = start_two(sluice)
    with open_at(first) as client, open_at(second) as other:
        second.process.send_signal(signal.SIGSTOP)
        sequences = publish_at(sluice, first, 3)
        assert sorted(event["sequence"] for event in client.events(len(sequences))) == sequences

        def waiting():
            depth = sluice.command("queue", "depth")
            return depth["visible"] + depth["inFlight"] + depth["delayed"]

        eventually(lambda: waiting() == 0, within=60, what="the end of the silent gateway's lease")
        second.process.send_signal(signal.SIGCONT)
        assert sorted(event["sequence"] for event in other.events(len(sequences))) == sequences
        more = publish_at(sluice, first, 1)
        assert sorted(event["sequence"] for event in other.events(len(more))) == more
        other.quiet()


def test_two_gateways_behind_a_proxy_are_restarted_and_nobody_is_refused(sluice):
    """The recipe of docs/operations.md: one after the other, each when the other is ready."""
    first, second = start_two(sluice)
    ports = {"first": first.port, "second": second.port}
    statuses, stop = [], threading.Event()

    def publish(address):
        with httpx.Client(base_url=f"http://{address}", timeout=PATIENCE) as client:
            while not stop.is_set():
                try:
                    statuses.append(client.post("/topics/t", json=len(statuses)).status_code)
                except httpx.HTTPError as error:
                    statuses.append(repr(error))

    with nginx(sluice, *ports.values()) as address:
        threads = [threading.Thread(target=publish, args=(address,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        running = {"first": first, "second": second}
        for _ in range(2):
            for name, port in ports.items():
                assert running[name].terminate() == 0
                running[name] = sluice.start_gateway("--name", name, port=port).ready()
        stop.set()
        for thread in threads:
            thread.join()
    assert len(statuses) > 100 and set(statuses) == {202}
