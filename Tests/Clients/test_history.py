"""Reading history: what one client asks for costs others no more than a turn, and ends when it leaves."""

import json
import time

import httpx

from processes import PATIENCE, eventually
from subscriber import Subscriber
from test_link import metric

RECORDS = 20_000


def fill(gateway, topic):
    for _ in range(RECORDS // 1_000):
        records = [{"topic": topic, "data": 1}] * 1_000
        answer = httpx.post(f"{gateway.address}/topics", json={"records": records}, timeout=PATIENCE)
        assert answer.status_code == 202, answer.text


def pieces(gateway):
    return metric(gateway, "sluice_history_pieces_total")


def test_walks_that_nobody_waits_for_any_more_are_not_done(sluice):
    gateway = sluice.start_gateway().ready()
    fill(gateway, "long")
    message = json.dumps({"action": "subscribe", "topics": ["long"], "after": {"long": 0}})
    before = pieces(gateway)
    client = Subscriber(sluice.url())
    for _ in range(3_000):
        client.socket.send(message)
    client.socket.socket.close()
    began = time.monotonic()
    answer = httpx.get(f"{gateway.address}/topics/long/records?limit=1&after={RECORDS - 1}", timeout=PATIENCE)
    assert answer.status_code == 200 and len(answer.json()["records"]) == 1
    # 3,000 walks of 20,000 records each take some 10 s and more.
    assert time.monotonic() - began < 3
    eventually(lambda: metric(gateway, "sluice_websocket_connections") == 0, what="the end of the connection")
    eventually(lambda: metric(gateway, "sluice_history_waiting") == 0, what="an empty queue")
    # One walk is five slices, and what the client's socket took of the history is read in pieces.
    assert pieces(gateway) - before < 600


def test_a_client_that_resumes_over_and_over_delays_others_by_a_turn(sluice):
    gateway = sluice.start_gateway().ready()
    fill(gateway, "long")
    message = json.dumps({"action": "subscribe", "topics": ["long"], "after": {"long": 0}})
    with Subscriber(sluice.url()) as greedy:
        for _ in range(300):
            greedy.socket.send(message)
        for after in range(RECORDS - 20, RECORDS):
            began = time.monotonic()
            answer = httpx.get(f"{gateway.address}/topics/long/records?limit=1&after={after}", timeout=PATIENCE)
            assert len(answer.json()["records"]) == 1
            assert time.monotonic() - began < 3


def test_a_long_topic_is_read_to_its_first_record_and_a_page_costs_what_it_returns(sluice):
    gateway = sluice.start_gateway().ready()
    for _ in range(6):
        fill(gateway, "long")
    with httpx.Client(base_url=gateway.address, timeout=PATIENCE) as client:
        after, expected, costs = 0, 1, []
        while after is not None:
            before = pieces(gateway)
            page = client.get(f"/topics/long/records?limit=1000&after={after}").json()
            costs.append(pieces(gateway) - before)
            assert "gap" not in page
            numbers = [record["sequence"] for record in page["records"]]
            assert numbers == list(range(expected, expected + len(numbers)))
            expected += len(numbers)
            after = page.get("next")
    assert expected == 6 * RECORDS + 1
    # The first page walks all of the chain, in slices; from then on one slice finds the records and one reads them.
    assert costs[0] > 20 and max(costs[1:]) <= 4, costs
