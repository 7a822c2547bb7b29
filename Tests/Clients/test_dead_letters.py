"""What publishers can't deliver: it ends in their dead letters while the rest flows, and comes back by a redrive."""

import json
import subprocess

import httpx
import pytest

from processes import BINARY, Sluice, environment, eventually
from subscriber import Subscriber
from test_sqs import client_of


@pytest.fixture(params=["sqs", "sns", "stream"])
def one(request):
    sluice = Sluice(request.param)
    yield sluice
    sluice.stop()


def damage(sluice, text):
    """Flips a bit of a payload where it stands on the disk; nothing may run."""
    path = f"{sluice.directory}/log/data.mdb"
    with open(path, "r+b") as file:
        content = file.read()
        assert text in content
        # Also where older copies of the page stand.
        place = content.find(text)
        while place >= 0:
            file.seek(place)
            file.write(bytes([text[0] ^ 1]))
            place = content.find(text, place + 1)


def test_a_record_that_no_gateway_takes_ends_in_dead_letters_while_others_flow(one):
    one.start_gateway("--queue-api", port=0)
    port = one.gateway.port
    # A topic whose records are all of one shard: the poison stands before most of them.
    for number in range(20):
        one.publish("topic", {"number": number} if number != 3 else {"poison": "poison" * 10})
    one.gateway.kill()
    damage(one, b"poison" * 10)
    one.start_gateway("--queue-api", port=port)
    with Subscriber(one.url()) as client, Subscriber(one.url()) as other:
        client.subscribe("topic")
        other.subscribe("other")
        one.start_publisher("--maximum-attempts", "6", "--retry-minimum", "20ms", "--retry-maximum", "50ms")
        one.publish("other", "flows")
        assert other.next()["data"] == "flows"
        eventually(lambda: one.command("queue", "depth")["deadLettered"] == 1, what="the dead letter")
        eventually(lambda: one.command("queue", "depth")["visible"] + one.command("queue", "depth")["inFlight"] == 0, what="an empty queue")
    lines = [line for line in one.publisher.log if "dead letter" in line]
    assert len(lines) == 1 and "sequence=4" in lines[0] and "topic=topic" in lines[0] and "reason=corruptRecord" in lines[0], lines
    sqs = client_of(one)
    url = sqs.get_queue_url(QueueName="publishers-dead-letters")["QueueUrl"]
    found = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"], VisibilityTimeout=0)["Messages"][0]["MessageAttributes"]
    assert found["sluice.topic"]["StringValue"] == "topic" and found["sluice.queue"]["StringValue"] == one.semantics
    metrics = httpx.get(f"{one.publisher.address}/metrics").text
    assert "sluice_publisher_dead_lettered_records_total 1" in metrics


def test_a_redrive_publishes_a_dead_letter_again(sluice):
    sluice.start_gateway("--queue-api", port=0)
    port = sluice.gateway.port
    sluice.publish("topic", {"poison": "poison" * 10})
    sluice.gateway.kill()
    damage(sluice, b"poison" * 10)
    sluice.start_gateway("--queue-api", port=port)
    with Subscriber(sluice.url()) as client:
        # It holds the record's retention up: who subscribes behind it isn't owed it.
        client.subscribe("topic")
        sluice.start_publisher("--maximum-attempts", "3", "--retry-minimum", "20ms", "--retry-maximum", "50ms")
        eventually(lambda: sluice.command("queue", "depth")["deadLettered"] == 1, what="the dead letter")
        sqs = client_of(sluice)
        dead = sqs.get_queue_url(QueueName="publishers-dead-letters")["QueueUrl"]
        # A damaged record can't be published again, and says so.
        result = subprocess.run(
            [BINARY, "queue", "redrive", "publishers-dead-letters", "--data", sluice.directory], capture_output=True, text=True, timeout=20, env=environment()
        )
        assert result.returncode != 0 and "damaged" in result.stderr
        # Mended, it can: by the command, beside the processes, in a queue of any name.
        eventually(lambda: sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["All"])["Attributes"]["ApproximateNumberOfMessages"] == "1")
        message = sqs.receive_message(QueueUrl=dead, MessageAttributeNames=["All"])["Messages"][0]
        record = message["MessageAttributes"]["sluice.record"]["BinaryValue"].replace(b"qoison", b"poison")
        attributes = {"sluice.record": {"DataType": "Binary", "BinaryValue": record}}
        mended = sqs.create_queue(QueueName="mended")["QueueUrl"]
        sqs.send_message(QueueUrl=mended, MessageBody="mended", MessageAttributes=attributes)
        result = subprocess.run([BINARY, "queue", "redrive", "mended", "--data", sluice.directory], capture_output=True, text=True, timeout=20, env=environment())
        assert result.returncode == 0 and result.stdout == "1 messages moved\n", result
        event = client.next()
        assert event["data"] == {"poison": "poison" * 10} and event["sequence"] == 2, event
        attributes = sqs.get_queue_attributes(QueueUrl=mended, AttributeNames=["All"])["Attributes"]
        assert attributes["ApproximateNumberOfMessages"] == "0"


def test_a_queue_of_another_name_has_its_own_place_and_settings(sluice):
    sluice.start_gateway()
    sluice.semantics = "orders"
    result = subprocess.run(
        [BINARY, "publisher", *sluice.common()], capture_output=True, text=True, timeout=20, env=environment()
    )
    assert result.returncode == 78 and "--queue orders:sqs" in result.stderr, result
    sluice.semantics = "orders:stream"
    publisher = sluice.start_publisher()
    with Subscriber(sluice.url()) as client:
        client.subscribe("a")
        sluice.publish("a", 1)
        assert client.next()["data"] == 1
    depth = sluice.command("queue", "depth")
    assert depth["queue"] == "orders" and depth["visible"] == 0
    publisher.terminate()
    # From now on the name is enough; other settings are told, another kind is refused.
    sluice.semantics = "orders"
    publisher = sluice.start_publisher("--retry-maximum", "7s")
    publisher.ready()
    assert any("other settings" in line and "retry-maximum" in line for line in publisher.log), publisher.log
    sluice.semantics = "orders:sqs"
    result = subprocess.run([BINARY, "publisher", *sluice.common()], capture_output=True, text=True, timeout=20, env=environment())
    assert result.returncode == 78 and "can't be changed" in result.stderr
    sluice.semantics = "nonsense"
    result = subprocess.run([BINARY, "queue", "depth", *sluice.common()], capture_output=True, text=True, timeout=20, env=environment())
    assert result.returncode != 0 and "orders" in result.stderr


def test_kinds_can_be_changed_with_records_pending_and_back(sluice):
    sluice.start_gateway()
    for kind, first in [("sqs", 0), ("stream", 10), ("sns", 20), ("sqs", 30)]:
        sluice.semantics = kind
        with Subscriber(sluice.url()) as client:
            client.subscribe("a")
            for number in range(first, first + 5):
                sluice.publish("a", number)
            publisher = sluice.start_publisher()
            # What was pending comes, what another kind has delivered doesn't.
            assert [event["data"] for event in client.events(5)] == list(range(first, first + 5))
            for number in range(first + 5, first + 10):
                sluice.publish("a", number)
            assert [event["data"] for event in client.events(5)] == list(range(first + 5, first + 10))
            eventually(lambda: sluice.command("queue", "depth")["visible"] == 0)
            publisher.terminate()
            client.quiet()
    assert json.loads(open(f"{sluice.directory}/consumers/checkpoint-sqs.json").read())["retiredThrough"] == 40
