"""Positions of another history are told, whatever made the histories differ."""

import shutil

import httpx

from processes import PATIENCE
from subscriber import Subscriber


def stop(sluice):
    sluice.publisher.terminate()
    sluice.gateway.terminate()


def records(gateway, query):
    answer = httpx.get(f"{gateway.address}/topics/t/records?{query}", timeout=PATIENCE)
    assert answer.status_code == 200, answer.text
    return answer.json()


def resumed(sluice, query):
    client = Subscriber(sluice.url(f"?topic=t&{query}"))
    reply = client.expect("subscribed")["topics"][0]
    return client, reply


def test_a_data_directory_that_was_wiped_and_has_grown_past_the_client_is_told(sluice):
    gateway = sluice.start().gateway
    for number in range(20):
        sluice.publish("t", number)
    page = records(gateway, "after=0")
    epoch = page["epoch"]
    assert epoch == httpx.get(f"{gateway.address}/topics/t").json()["epoch"]
    stop(sluice)
    shutil.rmtree(sluice.directory)
    gateway = sluice.start().gateway
    for number in range(30):
        sluice.publish("t", number)
    client, reply = resumed(sluice, f"after=20&epoch={epoch}")
    assert reply["diverged"] == {"from": 1} and "recovered" not in reply
    assert [event["sequence"] for event in client.events(30)] == list(range(1, 31))
    assert client.connected["epoch"] != epoch
    page = records(gateway, f"after=20&epoch={epoch}")
    assert page["diverged"] == {"from": 1} and len(page["records"]) == 30
    client, reply = resumed(sluice, "after=40")
    assert reply["gap"] == {"from": 1, "to": 31}


def test_a_copy_that_was_put_back_differs_from_where_it_was_made(sluice, tmp_path):
    gateway = sluice.start().gateway
    for number in range(20):
        sluice.publish("t", number)
    stop(sluice)
    shutil.copytree(sluice.directory, tmp_path / "copy")
    gateway = sluice.start().gateway
    for number in range(10):
        sluice.publish("t", number)
    epoch = records(gateway, "after=0")["epoch"]
    stop(sluice)
    shutil.rmtree(sluice.directory)
    shutil.copytree(tmp_path / "copy", sluice.directory)
    gateway = sluice.start().gateway
    for number in range(15):
        sluice.publish("t", number)
    # The epoch of the lost ten isn't in the copy, and the one before it is.
    page = records(gateway, f"after=30&epoch={epoch}&limit=1000")
    assert page["diverged"] == {"from": 21} and [record["sequence"] for record in page["records"]] == list(range(21, 36))


def test_the_epoch_is_the_same_while_any_gateway_has_the_log_open(sluice):
    first = sluice.start_gateway("--name", "first").ready()
    epoch = httpx.get(f"{first.address}/topics/t").json()["epoch"]
    second = sluice.start_gateway("--name", "second").ready()
    assert httpx.get(f"{second.address}/topics/t").json()["epoch"] == epoch
    first.terminate()
    again = sluice.start_gateway("--name", "first").ready()
    assert httpx.get(f"{again.address}/topics/t").json()["epoch"] == epoch
    again.terminate()
    second.terminate()
    alone = sluice.start_gateway().ready()
    assert httpx.get(f"{alone.address}/topics/t").json()["epoch"] != epoch
