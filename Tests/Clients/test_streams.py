"""The publishers' stream with real processes: shards split and merge under load while publishers are killed."""

import json
import random
import subprocess
import threading
import time

import httpx
import pytest

from processes import BINARY, PATIENCE, Process, Sluice, environment, eventually
from subscriber import Subscriber

TOPICS = [f"orders/{n}" for n in range(24)]


@pytest.fixture
def stream():
    sluice = Sluice("stream")
    yield sluice
    sluice.stop()


def open_shards(sluice):
    shards = [shard for shard in sluice.command("stream", "shards") if "end" not in shard]
    return sorted(shards, key=lambda shard: shard["firstHash"])


def delivered(sluice):
    depth = sluice.command("queue", "depth")
    return depth["visible"] + depth["inFlight"] + depth["delayed"] == 0


class Load:
    """Publishes to all topics in turn until it is stopped; each topic's payloads count up."""

    def __init__(self, sluice):
        self.address = sluice.gateway.address
        self.sent = {topic: 0 for topic in TOPICS}
        self.failure = None
        self._isOver = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        try:
            with httpx.Client(timeout=PATIENCE) as client:
                while not self._isOver.is_set():
                    for topic in TOPICS:
                        answer = client.post(f"{self.address}/topics/{topic}", json=self.sent[topic])
                        assert answer.status_code == 202, answer.text
                        self.sent[topic] += 1
        except BaseException as failure:
            self.failure = failure

    def stop(self):
        self._isOver.set()
        self._thread.join()
        assert self.failure is None, self.failure


def test_shards_are_shown_split_and_merged(stream):
    stream.start()
    shards = open_shards(stream)
    assert [shard["shard"] for shard in shards] == list(range(8))
    assert shards[0]["firstHash"] == "0" * 16 and shards[-1]["lastHash"] == "f" * 16
    assert all(shard["owner"] and shard["state"] == "open" and shard["recordsBehind"] == 0 for shard in shards)
    assert stream.command("stream", "split", "3") == {"shards": [8, 9]}
    assert stream.command("stream", "merge", "0", "1") == {"shards": [10]}
    eventually(lambda: [shard["shard"] for shard in open_shards(stream)] == [10, 2, 8, 9, 4, 5, 6, 7])
    with Subscriber(stream.url()) as client:
        client.subscribe(*TOPICS)
        for topic in TOPICS:
            stream.publish(topic, 1)
        assert {event["topic"] for event in client.events(len(TOPICS))} == set(TOPICS)
    eventually(lambda: delivered(stream), what="an empty queue")
    assert all(shard["owner"] for shard in open_shards(stream))


def test_shards_are_split_without_publishers(stream):
    stream.start_gateway().ready()
    client = Subscriber(stream.url("?topic=t"))
    client.expect("subscribed")
    sequences = [stream.publish("t", n) for n in range(5)]
    shards = stream.command("stream", "shards")
    assert len(shards) == 8 and sum(shard["recordsBehind"] for shard in shards) == 5
    [behind] = [shard for shard in shards if shard["recordsBehind"]]
    assert behind["iteratorAgeSeconds"] > 0 and behind["owner"] is None
    new = stream.command("stream", "split", str(behind["shard"]))["shards"]
    sequences += [stream.publish("t", n) for n in range(5)]
    states = {shard["shard"]: shard["state"] for shard in stream.command("stream", "shards")}
    assert states[behind["shard"]] == "closed" and all(states[shard] == "waiting" for shard in new)
    with client:
        stream.start_publisher().ready()
        assert [event["sequence"] for event in client.events(10)] == sequences
    eventually(lambda: behind["shard"] not in [shard["shard"] for shard in stream.command("stream", "shards")])


def test_order_and_completeness_while_shards_change_and_publishers_are_killed(stream):
    """A WebSocket subscriber gets every record of every topic once and in order, and nothing is left."""
    seed = random.randrange(2**32)
    print("seed", seed)
    chance = random.Random(seed)
    stream.start()
    victim, other = stream.publisher, stream.start_publisher().ready()
    changes = 0
    with Subscriber(stream.url()) as client:
        client.subscribe(*TOPICS)
        got = {topic: [] for topic in TOPICS}
        isOver = threading.Event()
        failure = []

        def listen():
            try:
                while not isOver.is_set():
                    try:
                        event = client.next(0.2)
                    except TimeoutError:
                        continue
                    assert event["type"] == "event", event
                    got[event["topic"]].append(event["data"])
            except BaseException as error:
                failure.append(error)

        listener = threading.Thread(target=listen)
        listener.start()
        load = Load(stream)
        end = time.monotonic() + 12
        while time.monotonic() < end:
            victim.kill()
            shards = open_shards(stream)
            if len(shards) > 10 or (len(shards) > 2 and chance.random() < 0.4):
                place = chance.randrange(len(shards) - 1)
                stream.command("stream", "merge", *(str(shard["shard"]) for shard in shards[place : place + 2]))
            else:
                stream.command("stream", "split", str(chance.choice(shards)["shard"]))
            changes += 1
            victim, other = other, stream.start_publisher()
        load.stop()
        eventually(lambda: [len(got[topic]) for topic in TOPICS] == [load.sent[topic] for topic in TOPICS], what="every record")
        isOver.set()
        listener.join()
        assert not failure, failure
        for topic in TOPICS:
            assert got[topic] == list(range(load.sent[topic])), topic
    eventually(lambda: delivered(stream), what="an empty queue")
    assert changes > 5 and sum(load.sent.values()) > 500, (changes, load.sent)
    eventually(lambda: all("end" not in shard for shard in stream.command("stream", "shards")), what="no closed shards")


def test_what_cannot_be_split_or_merged_is_refused(stream):
    stream.start()
    def refused(*arguments):
        result = subprocess.run(
            [BINARY, "stream", *arguments, *stream.common()], capture_output=True, text=True, timeout=PATIENCE, env=environment()
        )
        assert result.returncode == 64, result.stderr
        return result.stderr

    assert "There is no shard 99" in refused("split", "99")
    assert "aren't next to each other" in refused("merge", "1", "5")
    assert "aren't next to each other" in refused("merge", "2", "2")


def lines(sluice, *arguments):
    """What `sluice stream read` writes, as JSON."""
    result = subprocess.run(
        [BINARY, "stream", "read", *arguments, "--json", *sluice.common()], capture_output=True, text=True, timeout=PATIENCE, env=environment()
    )
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def numbers(sluice, *arguments):
    return [line["sequenceNumber"] for line in lines(sluice, *arguments)]


def test_stream_is_read_from_a_place_on(stream):
    stream.start_gateway().ready()
    for n in range(10):
        stream.publish(f"orders/{n % 2}", n)
    stream.publish("other", {"a": 1})
    assert numbers(stream) == list(range(1, 12))
    assert numbers(stream, "--from", "LATEST") == []
    assert numbers(stream, "--from", "AT_SEQUENCE_NUMBER=9") == [9, 10, 11]
    assert numbers(stream, "--from", "AFTER_SEQUENCE_NUMBER=9", "--limit", "1") == [10]
    assert numbers(stream, "--topic-prefix", "orders/1") == [2, 4, 6, 8, 10]
    accepted = lines(stream, "--from", "AT_SEQUENCE_NUMBER=5", "--limit", "1")[0]["acceptedAt"]
    assert numbers(stream, "--from", f"AT_TIMESTAMP={accepted}")[-1] == 11
    assert numbers(stream, "--from", "AT_TIMESTAMP=99999999999.5"[:23]) == []
    by_shard = [numbers(stream, "--shard", str(shard)) for shard in range(8)]
    assert sorted(sum(by_shard, [])) == list(range(1, 12))
    record = lines(stream, "--from", "AT_SEQUENCE_NUMBER=11")[0]
    assert record["topic"] == "other" and record["data"] == {"a": 1} and record["contentType"] == "application/json"


def test_item_changes_have_their_images(stream):
    stream.start_gateway("--item-image", "both").ready()
    item = f"{stream.gateway.address}/tables/orders/items/42"
    httpx.put(item, json={"state": "new"})
    httpx.put(item, content='{\n  "state": "paid"\r\n}', headers={"Content-Type": "application/json"})
    httpx.delete(item)
    stream.publish("t", 1)
    inserted, modified, removed = lines(stream, "--table", "orders")
    httpx.post(f"{stream.gateway.address}/topics/broken", content='[1,\n2]', headers={"Content-Type": "application/json"})
    assert lines(stream, "--topic-prefix", "broken")[0]["data"] == [1, 2]
    assert inserted["eventName"] == "INSERT" and inserted["keys"] == {"key": "42"} and inserted["newImage"] == {"state": "new"}
    assert "oldImage" not in inserted and inserted["table"] == "orders"
    assert modified["eventName"] == "MODIFY" and modified["oldImage"] == {"state": "new"} and modified["newImage"] == {"state": "paid"}
    assert removed["eventName"] == "REMOVE" and removed["oldImage"] == {"state": "paid"} and "newImage" not in removed


def test_group_goes_on_where_it_has_stopped(stream):
    stream.start_gateway().ready()
    for n in range(6):
        stream.publish("t", n)
    assert numbers(stream, "--group", "audit", "--limit", "4") == [1, 2, 3, 4]
    [group] = stream.command("stream", "groups")
    assert group["group"] == "audit" and group["checkpoint"] == 4 and group["recordsBehind"] == 2 and group["iteratorAgeSeconds"] > 0
    assert numbers(stream, "--group", "audit") == [5, 6]
    assert numbers(stream, "--group", "audit") == []
    reset = [BINARY, "stream", "reset", "audit", "--to", "AT_SEQUENCE_NUMBER=3", *stream.common()]
    assert subprocess.run(reset, env=environment(), capture_output=True, timeout=PATIENCE).returncode == 0
    follower = Process(["stream", "read", "--group", "audit", "--follow", "--json", *stream.common()])
    try:
        eventually(lambda: len(follower.log) == 4)
        stream.publish("t", 6)
        eventually(lambda: len(follower.log) == 5)
        assert [json.loads(line)["sequenceNumber"] for line in follower.log] == [3, 4, 5, 6, 7]
        busy = subprocess.run(reset, env=environment(), capture_output=True, text=True, timeout=PATIENCE)
        assert busy.returncode == 69 and "being read" in busy.stderr
    finally:
        follower.kill()
    assert numbers(stream, "--group", "audit") == []


def test_retention_tells_what_a_group_has_missed(stream):
    stream.start_gateway("--retention-age", "1s").ready()
    stream.publish("t", 1)
    assert numbers(stream, "--group", "slow") == [1]
    for n in range(5):
        stream.publish("t", n)

    def trimmed():
        text = httpx.get(stream.gateway.address + "/metrics").text
        return "sluice_stream_group_trimmed_records_total 5" in text

    eventually(trimmed)
    eventually(lambda: any("a group hadn't read" in line and "slow" in line for line in stream.gateway.log))
    result = subprocess.run(
        [BINARY, "stream", "read", "--group", "slow", *stream.common()], capture_output=True, text=True, timeout=PATIENCE, env=environment()
    )
    assert result.returncode == 0 and "retention has trimmed" in result.stderr and "records=5" in result.stderr, result.stderr
