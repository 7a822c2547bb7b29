"""Every message of sluice.v1 and every route of docs/protocol.md, with the exact JSON that clients rely on."""

import json
import struct
import threading
from unittest.mock import ANY

import httpx
import pytest
from websockets.sync.client import connect

from processes import eventually
from subscriber import Subscriber


@pytest.fixture(scope="module")
def log(running):
    """The id of the log, the first half of each record's."""
    return post(running, "/topics/first", json=0).json()["recordId"].split("-")[0]


def post(sluice, path, **content):
    return httpx.post(sluice.gateway.address + path, timeout=30, **content)


def get(sluice, path, **options):
    return httpx.get(sluice.gateway.address + path, timeout=30, **options)


def members(text):
    """The object and the order of its members."""
    return json.loads(text, object_pairs_hook=list)


def test_connection_without_subprotocol_subscribes_by_its_url(running):
    with connect(running.url("?topic=url/a&topic=url%2Fb")) as socket:
        assert socket.subprotocol is None
        kind, identifier, epoch = members(socket.recv(10))
        assert kind == ("type", "connected") and identifier[0] == "connectionId" and identifier[1] and epoch[0] == "epoch"
        assert members(socket.recv(10)) == [
            ("type", "subscribed"), ("topics", [[("topic", "url/a"), ("sequence", 0)], [("topic", "url/b"), ("sequence", 0)]]), epoch,
        ]
        sequence = running.publish("url/b", {"n": 1})
        assert members(socket.recv(10)) == [
            ("type", "event"), ("topic", "url/b"), ("sequence", sequence), ("previous", 0), ("contentType", "application/json"),
            ("data", [("n", 1)]),
        ]


def test_each_message_has_its_reply(running):
    with Subscriber(running.url()) as client:
        assert client.socket.subprotocol == "sluice.v1"
        client.send(action="subscribe", id="1", topics=["reply/b", "reply/a", "reply/b"])
        assert client.next() == {
            "type": "subscribed", "id": "1", "topics": [{"topic": "reply/b", "sequence": 0}, {"topic": "reply/a", "sequence": 0}],
            "epoch": client.connected["epoch"],
        }
        client.send(action="publish", id="2", topic="reply/a", data={"n": [1, None]})
        # The acknowledgement and the event may come in either order.
        two = sorted((client.next(), client.next()), key=lambda message: message["type"])
        sequence = two[1]["sequence"]
        assert two == [
            {
                "type": "event", "topic": "reply/a", "sequence": sequence, "previous": 0, "contentType": "application/json",
                "data": {"n": [1, None]},
            },
            {"type": "published", "id": "2", "sequence": sequence},
        ]
        client.send(action="unsubscribe", id="3", topics=["reply/a"])
        assert client.next() == {"type": "unsubscribed", "id": "3", "topics": ["reply/a"]}
        client.send(action="ping", id="4")
        assert client.next() == {"type": "pong", "id": "4"}
        client.send(action="subscribe", id="5", topics=[""])
        error = client.next()
        assert error.pop("message") and error == {"type": "error", "id": "5", "code": "InvalidTopic"}


@pytest.mark.parametrize(
    "content, event",
    [
        ({"data": [1, {"a": None}]}, {"contentType": "application/json", "data": [1, {"a": None}]}),
        ({"data": None}, {"contentType": "application/json", "data": None}),
        ({"data": {"a": 1}, "contentType": "application/cloudevents+json"}, {"contentType": "application/cloudevents+json", "data": {"a": 1}}),
        ({"data": "e30=", "encoding": "base64", "contentType": "application/json"}, {"contentType": "application/json", "data": {}}),
        ({"data": "gr\u00fc\u00df\n", "contentType": "text/plain"}, {"contentType": "text/plain", "data": "gr\u00fc\u00df\n"}),
        ({"data": "<a/>", "contentType": "application/xml"}, {"contentType": "application/xml", "data": "<a/>"}),
        ({"data": "aGk=", "encoding": "base64", "contentType": "text/plain"}, {"contentType": "text/plain", "data": "hi"}),
        (
            {"data": "AP8=", "encoding": "base64", "contentType": "application/octet-stream"},
            {"contentType": "application/octet-stream", "encoding": "base64", "data": "AP8="},
        ),
    ],
)
def test_content_over_the_websocket_and_in_a_batch(running, content, event):
    for way in ("socket", "batch"):
        topic = f"content/{way}"
        with Subscriber(running.url()) as client:
            client.subscribe(topic)
            if way == "socket":
                client.send(action="publish", id="p", topic=topic, **content)
                got = sorted((client.next(), client.next()), key=lambda message: message["type"])[0]
            else:
                assert post(running, "/topics", json={"records": [{"topic": topic, **content}]}).status_code == 202
                got = client.expect("event")
            assert {name: got[name] for name in got if name not in ("type", "topic", "sequence", "previous")} == event


@pytest.mark.parametrize(
    "content",
    [
        {"data": {"a": 1}, "contentType": "text/plain"}, {"data": "AP8=", "contentType": "image/png"},
        {"data": "!!", "encoding": "base64", "contentType": "image/png"}, {"data": 1, "encoding": "gzip"},
        {"data": 1, "contentType": "a\nb"}, {"data": 1, "contentType": 7}, {},
    ],
)
def test_faulty_content_is_refused_both_ways(running, content):
    with Subscriber(running.url()) as client:
        client.send(action="publish", id="p", topic="t", **content)
        error = client.expect("error")
        assert (error["id"], error["code"]) == ("p", "InvalidRequest")
    refused = post(running, "/topics", json={"records": [{"topic": "never/stored", "data": 1}, {"topic": "t", **content}]})
    assert refused.status_code == 400 and refused.json()["error"]["code"] == "InvalidRequest"
    assert "1" in refused.json()["error"]["message"]
    assert get(running, "/topics/never/stored").json() == {"topic": "never/stored", "sequence": 0, "epoch": ANY}


@pytest.mark.parametrize("asked", ["url", "message"])
def test_binary_frames(running, asked):
    topic = f"binary/{asked}"
    with Subscriber(running.url(f"?topic={topic}&binary=frames" if asked == "url" else "")) as client:
        if asked == "url":
            client.expect("subscribed")
        else:
            client.send(action="subscribe", topics=[topic], binary="frames")
            client.expect("subscribed")
        sequence = post(running, f"/topics/{topic}", content=b"\x00\xff", headers={"Content-Type": "image/png"}).json()["sequence"]
        message = client.socket.recv(10)
        length = struct.unpack(">I", message[:4])[0]
        assert json.loads(message[4 : 4 + length]) == {
            "type": "event", "topic": topic, "sequence": sequence, "previous": 0, "contentType": "image/png",
        }
        assert message[4 + length :] == b"\x00\xff"
        running.publish(topic, "JSON stays text")
        assert client.expect("event")["data"] == "JSON stays text"


def test_resume_by_message_and_by_url(running):
    numbers = [running.publish("resume", n) for n in range(5)]
    with Subscriber(running.url()) as client:
        assert client.subscribe("resume", "quiet", after={"resume": numbers[1]}) == [
            {"topic": "resume", "sequence": numbers[4], "recovered": True}, {"topic": "quiet", "sequence": 0},
        ]
        assert [event["sequence"] for event in client.events(3)] == numbers[2:]
        # Again, from further back: the topic starts over.
        client.subscribe("resume", after={"resume": numbers[0]})
        assert [event["sequence"] for event in client.events(4)] == numbers[1:]
        live = running.publish("resume", 5)
        event = client.expect("event")
        assert (event["sequence"], event["previous"]) == (live, numbers[4])
    with Subscriber(running.url(f"?topic=quiet&topic=resume&after=&after={numbers[3]}")) as client:
        assert client.expect("subscribed")["topics"][1]["recovered"] is True
        assert [event["sequence"] for event in client.events(2)] == [numbers[4], live]


def test_number_of_another_log_is_a_gap_from_the_beginning(running):
    newest = running.publish("restored", 1)
    gap = {"from": 1, "to": newest + 1}
    with Subscriber(running.url()) as client:
        assert client.subscribe("restored", after={"restored": 2**40}) == [{"topic": "restored", "sequence": newest, "gap": gap}]
        sequence = running.publish("restored", 2)
        assert client.expect("event")["sequence"] == sequence
    page = get(running, f"/topics/restored/records?after={2**40}").json()
    assert page == {"topic": "restored", "epoch": ANY, "records": [], "gap": {"from": 1, "to": sequence + 1}}


def test_barrier_holds_when_many_subscribe_and_publish_at_once(running):
    """As soon as the reply is there, what is published reaches the client, whatever else goes on."""
    faults = []

    def race(number):
        try:
            with Subscriber(running.url()) as client, httpx.Client(base_url=running.gateway.address, timeout=30) as http:
                for turn in range(20):
                    topic = f"race/{number % 3}/{turn}"
                    client.subscribe(topic)
                    mine = http.post(f"/topics/{topic}", json=number).json()["sequence"]
                    while client.expect("event")["sequence"] != mine:
                        pass
                    client.send(action="unsubscribe", id="u", topics=[topic])
                    while client.next()["type"] != "unsubscribed":
                        pass
        except Exception as fault:
            faults.append((number, repr(fault)))

    threads = [threading.Thread(target=race, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults


def test_publish_is_answered_with_number_and_id(running, log):
    answer = post(running, "/topics/orders/42", content=b'{"a": 1}', headers={"Content-Type": "application/json"})
    assert answer.status_code == 202 and answer.headers["Content-Type"] == "application/json"
    sequence = answer.json()["sequence"]
    assert members(answer.text) == [("sequence", sequence), ("recordId", f"{log}-{sequence}")]
    batch = post(running, "/topics", json={"records": [{"topic": "orders/42", "data": 1}, {"topic": "orders/43", "data": 2}]})
    assert batch.status_code == 202
    assert members(batch.text) == [
        ("records", [[("sequence", sequence + n), ("recordId", f"{log}-{sequence + n}")] for n in (1, 2)]),
    ]
    assert get(running, "/topics/orders/42").json() == {"topic": "orders/42", "sequence": sequence + 1, "epoch": ANY}


@pytest.mark.parametrize("faulty", ["{", "[]", '{"records":[]}', '{"records":{}}', '{"records":[1]}', '{"records":[{"data":1}]}'])
def test_faulty_batches(running, faulty):
    answer = post(running, "/topics", content=faulty)
    assert answer.status_code == 400 and answer.json()["error"]["code"] in ("InvalidJSON", "InvalidRequest"), answer.text


def test_history_is_read_in_pages(running):
    numbers = [running.publish("pages", n) for n in range(5)]
    seen, after = [], 0
    while after is not None:
        page = get(running, f"/topics/pages/records?after={after}&limit=2").json()
        assert list(page)[:3] == ["topic", "epoch", "records"] and "gap" not in page
        seen += [event["sequence"] for event in page["records"]]
        after = page.get("next")
    assert seen == numbers


@pytest.mark.parametrize("image", [None, "new", "old", "both", "keys"])
def test_item_changes_carry_the_image_that_was_asked_for(running, image):
    query = f"?image={image}" if image else ""
    item, topic = f"/tables/orders/items/{image}/7", f"tables/orders/{image}/7"
    images = {None: ["new"], "new": ["new"], "old": ["old"], "both": ["new", "old"], "keys": []}[image]
    with Subscriber(running.url(f"?topic={topic}")) as client:
        client.expect("subscribed")
        before = None
        for method, content, after, operation, status in [
            ("PUT", {"a": 1, "b": 2}, {"a": 1, "b": 2}, "INSERT", 201), ("PUT", {"a": 2, "b": 2}, {"a": 2, "b": 2}, "MODIFY", 200),
            ("PATCH", {"b": None, "c": {"d": 1}}, {"a": 2, "c": {"d": 1}}, "MODIFY", 200), ("DELETE", None, None, "REMOVE", 200),
        ]:
            answer = httpx.request(method, running.gateway.address + item + query, json=content)
            assert answer.status_code == status and answer.json()["operation"] == operation
            event = client.expect("event")
            assert event["sequence"] == answer.json()["sequence"]
            assert (event["operation"], event["table"], event["key"]) == (operation, "orders", f"{image}/7")
            values = {"new": after, "old": before}
            assert event["data"] == {
                "operation": operation, "table": "orders", "key": f"{image}/7",
                **{name: values[name] for name in images if values[name] is not None},
            }
            stored = get(running, item)
            assert stored.status_code == (200 if after else 404) and (not after or stored.json() == after)
            before = after


def test_item_topic_follows_its_template(sluice):
    sluice.start_gateway("--item-topic", "{table}/{operation}/{key}", "--item-image", "keys")
    assert httpx.put(sluice.gateway.address + "/tables/orders/items/7", json={"a": 1}).status_code == 201
    records = get(sluice, "/topics/orders/INSERT/7/records").json()["records"]
    assert [event["data"] for event in records] == [{"operation": "INSERT", "table": "orders", "key": "7"}]


def test_one_record_has_its_own_times(running, log):
    with Subscriber(running.url("?topic=timed")) as client:
        client.expect("subscribed")
        sequence = running.publish("timed", 1)
        client.expect("event")

    def whole():
        trace = running.command("latency", "--record", f"{log}-{sequence}")
        return trace if "total" in trace["stages"] else None

    trace = eventually(whole, what="the record's times")
    assert list(trace) == ["sequence", "nanoseconds", "stages"] and trace["sequence"] == sequence
    assert list(trace["nanoseconds"]) == ["accepted", "committed", "received", "resolved", "sent", "taken", "written"]
    times = list(trace["nanoseconds"].values())
    # A publisher that was awake may have the record before the gateway has noted the commit's return.
    assert [times[0], *times[2:]] == sorted([times[0], *times[2:]]) and times[1] >= times[0]
