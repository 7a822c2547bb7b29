"""A published record reaches every subscriber, whatever is killed in between."""

import asyncio
import json
import subprocess

import httpx
import pytest
from websockets.asyncio.client import connect

from processes import eventually
from subscriber import Subscriber

pytestmark = pytest.mark.alone


def test_published_record_reaches_subscriber(each_queue):
    sluice = each_queue.start()
    with Subscriber(sluice.url()) as client:
        assert client.subscribe("orders/42") == [{"topic": "orders/42", "sequence": 0}]
        sequence = sluice.publish("orders/42", {"total": 3})
        event = client.expect("event")
        assert event == {
            "type": "event", "topic": "orders/42", "sequence": sequence, "previous": 0,
            "contentType": "application/json", "data": {"total": 3},
        }


def test_publisher_killed_between_publish_and_delivery(each_queue):
    sluice = each_queue.start()
    with Subscriber(sluice.url("?topic=orders/42")) as client:
        client.expect("subscribed")
        sluice.publisher.kill()
        sequences = [sluice.publish("orders/42", {"n": n}) for n in range(20)]
        assert sluice.command("queue", "depth")["visible"] == 20
        sluice.start_publisher()
        assert [event["sequence"] for event in client.events(20)] == sequences
        client.quiet()
        eventually(lambda: sluice.command("queue", "depth")["inFlight"] == 0)
        assert sluice.command("queue", "depth")["visible"] == 0


def test_publisher_killed_while_it_delivers(each_queue):
    sluice = each_queue.start()
    with Subscriber(sluice.url("?topic=orders/42")) as client:
        client.expect("subscribed")
        sequences = []
        for round in range(3):
            sequences += [sluice.publish("orders/42", {"n": n}) for n in range(50)]
            sluice.publisher.kill()
            sluice.start_publisher()
        assert [event["sequence"] for event in client.events(150)] == sequences
        client.quiet()


def test_start_in_any_order(each_queue):
    each_queue.start_publisher()
    each_queue.start_gateway()
    with Subscriber(each_queue.url("?topic=t")) as client:
        client.expect("subscribed")
        each_queue.publish("t", 1)
        assert client.expect("event")["data"] == 1


def test_two_publishers_share_the_work(each_queue):
    sluice = each_queue.start()
    sluice.start_publisher().ready()
    with Subscriber(sluice.url()) as client:
        topics = [f"t/{n}" for n in range(20)]
        client.subscribe(*topics)
        for n in range(10):
            for topic in topics:
                sluice.publish(topic, n)
        events = client.events(200)
        for topic in topics:
            assert [event["data"] for event in events if event["topic"] == topic] == list(range(10))
        client.quiet()


def test_subscribed_reply_is_a_barrier(sluice):
    sluice.start()
    for n in range(50):
        with Subscriber(sluice.url()) as client:
            client.subscribe(f"barrier/{n}")
            sluice.publish(f"barrier/{n}", n)
            assert client.expect("event")["data"] == n


def test_resume_after_the_gateway_was_killed(sluice):
    sluice.start()
    with Subscriber(sluice.url("?topic=t")) as client:
        client.expect("subscribed")
        first = sluice.publish("t", 1)
        assert client.expect("event")["sequence"] == first
        port = sluice.gateway.port
        sluice.gateway.kill()
    sluice.start_gateway(port=port).ready()
    missed = [sluice.publish("t", n) for n in (2, 3)]
    with Subscriber(sluice.url()) as client:
        assert client.subscribe("t", after={"t": first}) == [{"topic": "t", "sequence": missed[-1], "recovered": True}]
        live = sluice.publish("t", 4)
        events = client.events(3)
        assert [event["sequence"] for event in events] == [*missed, live]
        assert [event["previous"] for event in events] == [first, *missed]
        client.quiet()


def test_publish_over_the_websocket(sluice):
    sluice.start()
    with Subscriber(sluice.url()) as client:
        client.subscribe("t")
        client.send(action="publish", id="p", topic="t", data={"a": [1, "é", None]})
        answers = [client.next(), client.next()]
        answers.sort(key=lambda answer: answer["type"], reverse=True)
        assert answers[0]["type"] == "published" and answers[0]["id"] == "p"
        assert answers[1]["data"] == {"a": [1, "é", None]} and answers[1]["sequence"] == answers[0]["sequence"]


def test_unsubscribed_topic_is_quiet(sluice):
    sluice.start()
    with Subscriber(sluice.url()) as client:
        client.subscribe("a", "b")
        client.send(action="unsubscribe", id="u", topics=["a"])
        assert client.expect("unsubscribed") == {"type": "unsubscribed", "id": "u", "topics": ["a"]}
        sluice.publish("a", 1)
        sluice.publish("b", 2)
        assert client.expect("event")["topic"] == "b"


def test_content_types(sluice):
    sluice.start()
    with Subscriber(sluice.url("?topic=t")) as client:
        client.expect("subscribed")
        address = f"{sluice.gateway.address}/topics/t"
        httpx.post(address, content='"quoted"\n', headers={"Content-Type": "text/plain"})
        event = client.expect("event")
        assert event["data"] == '"quoted"\n' and event["contentType"].startswith("text/plain")
        httpx.post(address, content=b"\x00\xff", headers={"Content-Type": "application/octet-stream"})
        event = client.expect("event")
        assert event["data"] == "AP8=" and event["encoding"] == "base64"


def test_item_change_is_delivered(sluice):
    sluice.start()
    with Subscriber(sluice.url()) as client:
        client.subscribe("tables/orders/42")
        item = f"{sluice.gateway.address}/tables/orders/items/42"
        httpx.put(item, json={"total": 1}).raise_for_status()
        httpx.patch(item, json={"paid": True}, headers={"Content-Type": "application/merge-patch+json"}).raise_for_status()
        httpx.delete(item).raise_for_status()
        events = client.events(3)
        assert [event["operation"] for event in events] == ["INSERT", "MODIFY", "REMOVE"]
        assert events[1]["data"]["new"] == {"total": 1, "paid": True}


def test_one_curl_reaches_a_thousand_clients(sluice):
    sluice.start()

    async def subscribe(gate):
        async with gate:
            socket = await connect(sluice.url("?topic=orders/42"), subprotocols=["sluice.v1"], open_timeout=60, compression=None)
            assert json.loads(await socket.recv())["type"] == "connected"
            assert json.loads(await socket.recv())["type"] == "subscribed"
            return socket

    async def run():
        gate = asyncio.Semaphore(50)
        sockets = await asyncio.gather(*(subscribe(gate) for _ in range(1_000)))
        curl = await asyncio.create_subprocess_exec(
            "curl", "-sf", "-d", '{"hello":"world"}', "-H", "Content-Type: application/json",
            f"{sluice.gateway.address}/topics/orders/42", stdout=subprocess.PIPE,
        )
        answer = json.loads((await curl.communicate())[0])
        events = await asyncio.gather(*(socket.recv() for socket in sockets))
        assert {json.loads(event)["sequence"] for event in events} == {answer["sequence"]}
        connections = await asyncio.to_thread(
            eventually, lambda: sluice.command("connections")["counts"]["connections"] == 1_000
        )
        assert connections
        await asyncio.gather(*(socket.close() for socket in sockets))

    asyncio.run(run())


def test_commands_tell_what_happened(each_queue):
    sluice = each_queue.start()
    with Subscriber(sluice.url("?topic=t")) as client:
        client.expect("subscribed")
        sequence = [sluice.publish("t", n) for n in range(10)][-1]
        client.events(10)

        def measured():
            # The publisher is found by its row in the registry, which comes a moment after it is ready.
            stages = {stage["stage"]: stage for stage in sluice.command("latency")}
            return {"commit", "hop", "total"} <= set(stages) and stages

        stages = eventually(measured, what="the stages of both processes")
        assert all(stage["p50"] <= stage["p99"] <= stage["max"] for stage in stages.values())
        trace = eventually(lambda: sluice.command("latency", "--record", str(sequence)))
        assert trace["sequence"] == sequence and "commit" in trace["stages"]
    depth = eventually(lambda: (found := sluice.command("queue", "depth"))["inFlight"] == 0 and found)
    assert depth["queue"] == sluice.semantics and depth["logRecords"] == 10 and depth["visible"] == 0


def test_sigterm_drains_both_and_ends_with_zero(each_queue):
    sluice = each_queue.start()
    with Subscriber(sluice.url("?topic=t")) as client:
        client.expect("subscribed")
        sluice.publish("t", 1)
        client.expect("event")
        assert sluice.gateway.terminate() == 0
        try:
            client.next()
        except Exception:
            pass
        assert client.socket.close_code == 1001
    assert sluice.publisher.terminate() == 0
    # And the queue can be looked at with nothing running.
    assert sluice.command("queue", "depth")["visible"] == 0
