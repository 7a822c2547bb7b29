"""Server-sent events and long polling, by real clients through real processes."""

import json
import os
import random
import threading
import time

import httpx
import pytest

from processes import Sluice, eventually


@pytest.fixture(scope="module")
def running():
    sluice = Sluice().start()
    yield sluice
    sluice.stop()


class Events:
    """One response, read as the HTML standard says."""

    def __init__(self, sluice, query, last=None, timeout=30):
        self.client = httpx.Client(timeout=timeout)
        headers = {"last-event-id": last} if last else {}
        self.context = self.client.stream("GET", f"{sluice.gateway.address}/sse?{query}", headers=headers)
        self.response = self.context.__enter__()
        self.last = last
        self.retry = None
        self.comments = 0
        self.lines = self._lines()

    def _lines(self):
        """Lines end with LF here; what else Python takes for a line's end is a part of the data."""
        rest = b""
        for piece in self.response.iter_bytes():
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                yield line.decode()

    def __iter__(self):
        kind, data, identity = "message", [], None
        for line in self.lines:
            if line == "":
                if data:
                    self.last = identity if identity is not None else self.last
                    yield kind, json.loads("\n".join(data))
                kind, data, identity = "message", [], None
                continue
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            match field:
                case "": self.comments += 1
                case "event": kind = value
                case "data": data.append(value)
                case "id": identity = value
                case "retry": self.retry = int(value)

    def next(self):
        return next(self._all())

    def _all(self):
        if not hasattr(self, "_iterator"):
            self._iterator = iter(self)
        return self._iterator

    def close(self):
        self.response.close()
        self.client.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def test_events_of_several_topics_come_as_they_are_published(running):
    with Events(running, "topic=sse/a&topic=sse/b") as events:
        assert events.response.headers["content-type"] == "text/event-stream"
        assert events.response.headers["cache-control"] == "no-store"
        kind, first = events.next()
        assert kind == "subscribed" and [topic["topic"] for topic in first["topics"]] == ["sse/a", "sse/b"]
        assert events.retry == 1000
        for topic, data in (("sse/a", 1), ("sse/b", {"x": "ü\u2028"}), ("sse/a", "three")):
            running.publish(topic, data)
            kind, event = events.next()
            assert kind == "message" and (event["topic"], event["data"]) == (topic, data)
        httpx.post(f"{running.gateway.address}/topics/sse/a", content=b'{\n "spread":\r\n 1}', headers={"content-type": "application/json"})
        assert events.next()[1]["data"] == {"spread": 1}
        httpx.post(f"{running.gateway.address}/topics/sse/b", content=b"\x00\xff", headers={"content-type": "application/octet-stream"})
        assert events.next()[1]["encoding"] == "base64"


def test_lines_of_a_stream_hold_no_line_ends_of_a_payload(running):
    with httpx.stream("GET", f"{running.gateway.address}/topics/spread/stream", timeout=30) as response:
        lines = response.iter_lines()
        assert json.loads(next(lines))["type"] == "subscribed"
        httpx.post(f"{running.gateway.address}/topics/spread", content=b'[1,\n2]', headers={"content-type": "application/json"})
        assert json.loads(next(lines))["data"] == [1, 2]


def test_each_id_stands_for_all_topics(running):
    random.seed(seed := random.randrange(1 << 32))
    print("seed", seed)
    topics = [f"ids/{number}" for number in range(5)]
    query = "&".join(f"topic={topic}" for topic in topics)
    published = []
    with Events(running, query) as events:
        events.next()
        ids = [events.last]
        for number in range(40):
            topic = random.choice(topics)
            running.publish(topic, number)
            published.append((topic, number))
            assert events.next()[1]["data"] == number
            ids.append(events.last)
    for place in random.sample(range(len(ids)), 12):
        expected = published[place:]
        with Events(running, query, last=ids[place]) as events:
            kind, first = events.next()
            assert all("gap" not in topic for topic in first["topics"])
            got = [events.next()[1] for _ in expected]
        for topic in topics:
            assert [event["data"] for event in got if event["topic"] == topic] == [data for name, data in expected if name == topic]
    # Behind a part of the history, the id is that of the part.
    with Events(running, query, last=ids[0]) as events:
        events.next()
        seen = [events.next()[1] for _ in range(7)]
        last = events.last
    with Events(running, query, last=last) as events:
        events.next()
        rest = [events.next()[1] for _ in range(len(published) - 7)]
    assert sorted(event["data"] for event in seen + rest) == list(range(40))


@pytest.mark.parametrize(
    "query, last, status, code",
    [
        ("", None, 400, "InvalidRequest"),
        ("topic=a%2B", None, 400, "InvalidTopic"),
        ("topic=a", "rubbish", 400, "InvalidRequest"),
        ("topic=a", "1-x-0-1", 400, "InvalidRequest"),
        ("topic=a&lastEventID=%00", None, 400, "InvalidRequest"),
        ("&".join(f"topic=t{number}" for number in range(101)), None, 429, "TooManySubscriptions"),
    ],
)
def test_what_cannot_be_answered_is_told(running, query, last, status, code):
    answer = httpx.get(f"{running.gateway.address}/sse?{query}", headers={"last-event-id": last} if last else {})
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert httpx.post(f"{running.gateway.address}/sse?topic=a").status_code == 405


def test_silence_is_broken_by_comments(running):
    with Events(running, "topic=quiet", timeout=40) as events:
        events.next()
        thread = threading.Thread(target=lambda: (time.sleep(22), running.publish("quiet", 1)))
        thread.start()
        events.next()
        thread.join()
        assert events.comments == 1


def test_a_draining_gateway_says_so_and_spreads_the_ends():
    sluice = Sluice()
    try:
        sluice.start("--drain-window", "2s")
        responses = [Events(sluice, "topic=d") for _ in range(20)]
        for events in responses:
            events.next()
        threading.Thread(target=sluice.gateway.terminate).start()
        ends = []

        def wait(events):
            kind, data = events.next()
            ends.append((time.monotonic(), kind, data["reason"], events.retry))

        threads = [threading.Thread(target=wait, args=(events,)) for events in responses]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert [(kind, reason) for _, kind, reason, _ in ends] == [("end", "draining")] * 20
        assert ends[-1][0] - ends[0][0] > 0.4 and len({retry for *_, retry in ends}) > 5
    finally:
        sluice.stop()


def test_a_client_that_does_not_read_is_broken_off_and_resumes():
    sluice = Sluice()
    try:
        sluice.start("--unwritten-bytes", "64KiB")
        with Events(sluice, "topic=slow") as slow, Events(sluice, "topic=slow") as quick:
            slow.next()
            quick.next()
            for number in range(100):
                sluice.publish("slow", {"n": number, "x": os.urandom(40_000).hex()})
                assert quick.next()[1]["data"]["n"] == number
            got = []
            try:
                for _, event in slow:
                    got.append(event["data"]["n"])
            except httpx.TransportError:
                pass
            assert len(got) < 100
        with Events(sluice, "topic=slow", last=slow.last) as again:
            again.next()
            got += [again.next()[1]["data"]["n"] for _ in range(100 - len(got))]
        assert got == list(range(100))
    finally:
        sluice.stop()


def test_nothing_is_lost_or_repeated_over_kills():
    sluice = Sluice()
    try:
        sluice.start()
        port = sluice.gateway.port
        topics = ["k/0", "k/1", "k/2"]
        # The reader may stop when the last publish has been answered, which is later than the last one begins.
        done, answered = threading.Event(), threading.Event()
        acknowledged, seen, trail = [], [], []

        def publish():
            number = 0
            with httpx.Client(timeout=5) as client:
                while not done.is_set():
                    try:
                        answer = client.post(f"http://127.0.0.1:{port}/topics/{topics[number % 3]}", json=number)
                        if answer.status_code == 202:
                            acknowledged.append(answer.json()["sequence"])
                    except httpx.TransportError:
                        time.sleep(0.01)
                    number += 1
            answered.set()

        def read():
            last = None
            while not (answered.is_set() and acknowledged and seen and {s for s, _ in seen} >= set(acknowledged)):
                try:
                    with Events(sluice, "&".join(f"topic={topic}" for topic in topics) + "&after=0&after=0&after=0", last=last, timeout=5) as events:
                        try:
                            for kind, event in events:
                                trail.append((kind, events.last, event.get("sequence") or event.get("topics")))
                                if kind == "message":
                                    seen.append((event["sequence"], event["topic"]))
                                    last = events.last
                                if answered.is_set() and {s for s, _ in seen} >= set(acknowledged):
                                    return
                        finally:
                            last = events.last or last
                except httpx.TransportError:
                    time.sleep(0.05)

        threads = [threading.Thread(target=publish), threading.Thread(target=read)]
        for thread in threads:
            thread.start()
        for round in range(10):
            before = len(seen)
            eventually(lambda: len(seen) > before + 20, what="events")
            sluice.gateway.kill() if round % 2 == 0 else sluice.publisher.kill()
            if round % 2 == 0:
                sluice.start_gateway(port=port)
            else:
                sluice.start_publisher()
        done.set()
        for thread in threads:
            thread.join(60)
        numbers = [sequence for sequence, _ in seen]
        print("missing", set(acknowledged) - set(numbers), "the last messages", trail[-12:])
        assert set(numbers) >= set(acknowledged)
        assert len(numbers) == len(set(numbers))
        for topic in topics:
            own = [sequence for sequence, name in seen if name == topic]
            assert own == sorted(own)
    finally:
        sluice.stop()


# Long polling.


def poll(sluice, topic, **parameters):
    return httpx.get(f"{sluice.gateway.address}/topics/{topic}/records", params=parameters, timeout=70)


def test_a_poll_is_answered_by_what_is_there_or_by_the_next_record(running):
    first = running.publish("poll/a", 1)
    began = time.monotonic()
    assert [event["data"] for event in poll(running, "poll/a", after=0, wait="20s").json()["records"]] == [1]
    assert time.monotonic() - began < 3
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(poll(running, "poll/a", after=first, wait=30))) for _ in range(50)]
    for thread in threads:
        thread.start()
    eventually(lambda: metric(running, "sluice_long_polls") == 50, what="50 waits")
    began = time.monotonic()
    running.publish("poll/a", 2)
    for thread in threads:
        thread.join(30)
    assert time.monotonic() - began < 10
    assert [[event["data"] for event in answer.json()["records"]] for answer in answers] == [[2]] * 50
    eventually(lambda: metric(running, "sluice_long_polls") == 0, what="their ends")


def test_a_poll_ends_with_its_time(running):
    began = time.monotonic()
    answer = poll(running, "poll/none", wait=1)
    assert answer.status_code == 200 and answer.json()["records"] == [] and 0.9 < time.monotonic() - began < 5
    for wrong in ("61", "-1", "x", "1m", "9" * 30):
        assert poll(running, "poll/none", wait=wrong).status_code == 400


def test_a_poll_misses_nothing_between_its_look_and_its_wait(running):
    got, after = [], 0
    done = threading.Event()

    def publish():
        for number in range(150):
            running.publish("poll/race", number)
        done.set()

    thread = threading.Thread(target=publish)
    thread.start()
    while len(got) < 150:
        page = poll(running, "poll/race", after=after, wait=20).json()
        assert page["records"], "a wait came to nothing though there was more"
        got += [event["data"] for event in page["records"]]
        after = page["records"][-1]["sequence"]
    thread.join()
    assert got == list(range(150))


def test_a_poller_that_leaves_frees_its_place(running):
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(f"{running.gateway.address}/topics/poll/left/records?wait=50", timeout=1)
    eventually(lambda: metric(running, "sluice_long_polls") == 0, within=10, what="its end")


def metric(sluice, name):
    lines = httpx.get(f"{sluice.gateway.address}/metrics").text.splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name + " ") or line.startswith(name + "{"))
