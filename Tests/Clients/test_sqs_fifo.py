"""FIFO queues as boto3 uses them: groups in order, deduplication, attempts, dead letters, kills."""

import json
import threading
import time

import pytest

from processes import eventually
from test_sqs import arn, client_of, figures, gateway, name, refused, sqs  # noqa: F401 (fixtures)


def fifo(sqs, **attributes):
    return sqs.create_queue(QueueName=name() + ".fifo", Attributes={"FifoQueue": "true", **attributes})["QueueUrl"]


def send(sqs, url, group, *bodies):
    return [sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=group, MessageDeduplicationId=body) for body in bodies]


def receive(sqs, url, maximum=10, **more):
    return sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=maximum, AttributeNames=["All"], **more).get("Messages", [])


def delete(sqs, url, messages):
    entries = [{"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]} for number, message in enumerate(messages)]
    return sqs.delete_message_batch(QueueUrl=url, Entries=entries)


def test_a_group_is_in_order_and_one_batch_of_it_in_flight(sqs):
    url = fifo(sqs)
    numbers = [sent["SequenceNumber"] for sent in send(sqs, url, "a", "1", "2", "3") + send(sqs, url, "b", "x")]
    assert numbers == sorted(numbers) and all(len(number) == 20 for number in numbers)
    first = receive(sqs, url, 2)
    assert [message["Body"] for message in first] == ["1", "2"]
    assert first[0]["Attributes"]["MessageGroupId"] == "a" and first[0]["Attributes"]["MessageDeduplicationId"] == "1"
    assert first[0]["Attributes"]["SequenceNumber"] == numbers[0]
    # Three waits for the two before it, another group doesn't.
    assert [message["Body"] for message in receive(sqs, url)] == ["x"] and receive(sqs, url) == []
    assert figures(sqs, url) == (1, 3, 0)
    delete(sqs, url, first[:1])
    assert receive(sqs, url) == []
    # Given back it comes before what stands behind it.
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=first[1]["ReceiptHandle"], VisibilityTimeout=0)
    again = receive(sqs, url)
    assert [message["Body"] for message in again] == ["2", "3"] and again[0]["Attributes"]["ApproximateReceiveCount"] == "2"


def test_a_poll_is_answered_when_the_batch_before_it_is_deleted(sqs, gateway):
    url = fifo(sqs)
    send(sqs, url, "a", "1", "2")
    first, found = receive(sqs, url, 1), []
    waiter = threading.Thread(target=lambda: found.extend(receive(client_of(gateway), url, WaitTimeSeconds=20)))
    waiter.start()
    # Whether the poll begins before or after the delete, it gets what stood behind the batch, and not by looking again a second later.
    waiter.join(timeout=0.5)
    began = time.monotonic()
    delete(sqs, url, first)
    waiter.join(timeout=10)
    assert [message["Body"] for message in found] == ["2"] and time.monotonic() - began < 0.9


def test_many_groups_take_turns_with_a_huge_one(sqs):
    url = fifo(sqs)
    for part in range(20):
        sqs.send_message_batch(QueueUrl=url, Entries=[
            {"Id": str(n), "MessageBody": f"{part}-{n}", "MessageGroupId": "huge", "MessageDeduplicationId": f"{part}-{n}"} for n in range(10)
        ])
    for group in range(5):
        send(sqs, url, f"small{group}", f"small{group}")
    seen = []
    for _ in range(3):
        messages = receive(sqs, url, 10)
        seen += [message["Attributes"]["MessageGroupId"] for message in messages]
        delete(sqs, url, messages)
    assert set(seen) == {"huge"} | {f"small{group}" for group in range(5)}, seen


def test_what_is_sent_twice_is_stored_once_also_after_its_delete_and_a_restart(sluice):
    sluice.start_gateway("--queue-api")
    sqs = client_of(sluice)
    url, scoped = fifo(sqs, ContentBasedDeduplication="true"), fifo(sqs, DeduplicationScope="messageGroup", FifoThroughputLimit="perMessageGroupId")
    one = sqs.send_message(QueueUrl=url, MessageBody="same", MessageGroupId="a")
    messages = receive(sqs, url)
    assert len(messages[0]["Attributes"]["MessageDeduplicationId"]) == 64
    delete(sqs, url, messages)
    sluice.gateway.kill()
    sluice.start_gateway("--queue-api")
    sqs = client_of(sluice)
    url, scoped = (sqs.get_queue_url(QueueName=one_url.rsplit("/", 1)[1])["QueueUrl"] for one_url in (url, scoped))
    two = sqs.send_message(QueueUrl=url, MessageBody="same", MessageGroupId="b")
    assert (two["MessageId"], two["SequenceNumber"]) == (one["MessageId"], one["SequenceNumber"]) and figures(sqs, url) == (0, 0, 0)
    sqs.send_message(QueueUrl=url, MessageBody="same", MessageGroupId="b", MessageDeduplicationId="another")
    assert figures(sqs, url) == (1, 0, 0)
    send(sqs, scoped, "a", "x", "x")
    send(sqs, scoped, "b", "x")
    assert figures(sqs, scoped) == (2, 0, 0)
    batch = sqs.send_message_batch(QueueUrl=url, Entries=[
        {"Id": "1", "MessageBody": "t", "MessageGroupId": "c"}, {"Id": "2", "MessageBody": "t", "MessageGroupId": "c"}, {"Id": "3", "MessageBody": "no group"},
    ])
    assert len({entry["MessageId"] for entry in batch["Successful"]}) == 1 and [entry["Id"] for entry in batch["Failed"]] == ["3"]


def test_a_receive_that_is_tried_again_gets_the_same_messages(sqs):
    url = fifo(sqs)
    send(sqs, url, "a", "1", "2", "3")
    first = receive(sqs, url, 2, ReceiveRequestAttemptId="try-1")
    again = receive(sqs, url, 2, ReceiveRequestAttemptId="try-1")
    assert [message["ReceiptHandle"] for message in again] == [message["ReceiptHandle"] for message in first]
    delete(sqs, url, again)
    assert [message["Body"] for message in receive(sqs, url, 2, ReceiveRequestAttemptId="try-1")] == ["3"]


def test_a_handle_whose_time_is_over_deletes_nothing(sqs):
    url = fifo(sqs)
    send(sqs, url, "a", "1")
    messages = receive(sqs, url, VisibilityTimeout=0)
    with refused("InvalidParameterValue"):
        sqs.delete_message(QueueUrl=url, ReceiptHandle=messages[0]["ReceiptHandle"])
    failed = delete(sqs, url, messages)["Failed"]
    assert failed[0]["Code"] == "InvalidParameterValue" and figures(sqs, url)[0] == 1
    messages = receive(sqs, url)
    delete(sqs, url, messages)
    # Deleted twice is deleted.
    sqs.delete_message(QueueUrl=url, ReceiptHandle=messages[0]["ReceiptHandle"])


def test_a_poison_message_leaves_its_group_in_order_and_comes_back(sqs):
    dead = fifo(sqs)
    url = fifo(sqs, RedrivePolicy=json.dumps({"deadLetterTargetArn": arn(sqs, dead), "maxReceiveCount": 2}), VisibilityTimeout="0")
    send(sqs, url, "a", "bad", "worse", "good")
    order = []
    for _ in range(20):
        for message in receive(sqs, url, 1, VisibilityTimeout=5):
            order.append(message["Body"])
            if message["Body"] == "good":
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            else:
                sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    assert order == ["bad", "bad", "worse", "worse", "good"]
    assert figures(sqs, url) == (0, 0, 0) and figures(sqs, dead) == (2, 0, 0)
    sqs.start_message_move_task(SourceArn=arn(sqs, dead))
    eventually(lambda: figures(sqs, url)[0] == 2)
    assert [message["Body"] for message in receive(sqs, url)] == ["bad", "worse"]


@pytest.mark.parametrize("more, code", [
    ({"MessageDeduplicationId": "x"}, "MissingParameter"),
    ({"MessageGroupId": "g"}, "InvalidParameterValue"),
    ({"MessageGroupId": "g", "MessageDeduplicationId": "x" * 129}, "InvalidParameterValue"),
    ({"MessageGroupId": "mit Leerzeichen", "MessageDeduplicationId": "x"}, "InvalidParameterValue"),
    ({"MessageGroupId": "g", "MessageDeduplicationId": "x", "DelaySeconds": 5}, "InvalidParameterValue"),
])
def test_messages_that_a_fifo_queue_doesnt_take(sqs, more, code):
    url = sqs.create_queue(QueueName="refusing.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    with refused(code):
        sqs.send_message(QueueUrl=url, MessageBody="x", **more)
    assert figures(sqs, url) == (0, 0, 0)


def test_kinds_dont_mix(sqs):
    for queue, attributes in [("a.fifo", {}), ("a", {"FifoQueue": "true"}), ("b.fifo", {"FifoQueue": "maybe"})]:
        with refused("InvalidAttributeValue"):
            sqs.create_queue(QueueName=queue, Attributes=attributes)
    with refused("InvalidParameterValue"):
        sqs.create_queue(QueueName="a.b.fifo", Attributes={"FifoQueue": "true"})
    standard, ordered = sqs.create_queue(QueueName=name())["QueueUrl"], fifo(sqs)
    for url in (standard, ordered):
        other = ordered if url == standard else standard
        with refused("InvalidAttributeValue"):
            policy = json.dumps({"deadLetterTargetArn": arn(sqs, other), "maxReceiveCount": 2})
            sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": policy})
        with refused("UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation"):
            sqs.start_message_move_task(SourceArn=arn(sqs, url), DestinationArn=arn(sqs, other))
    with refused("InvalidAttributeValue"):
        sqs.set_queue_attributes(QueueUrl=standard, Attributes={"FifoQueue": "true"})
    with refused("InvalidAttributeValue"):
        sqs.set_queue_attributes(QueueUrl=ordered, Attributes={"FifoThroughputLimit": "perMessageGroupId"})
    with refused("InvalidParameterValue"):
        sqs.send_message(QueueUrl=standard, MessageBody="x", MessageDeduplicationId="x")
    # A standard queue hands a group's name on.
    sqs.send_message(QueueUrl=standard, MessageBody="x", MessageGroupId="tenant")
    assert receive(sqs, standard)[0]["Attributes"]["MessageGroupId"] == "tenant"
    found = sqs.get_queue_attributes(QueueUrl=ordered, AttributeNames=["All"])["Attributes"]
    assert found["FifoQueue"] == "true" and found["DeduplicationScope"] == "queue"


def test_order_and_uniqueness_hold_when_the_gateway_is_killed_over_and_over(sluice):
    sluice.start_gateway("--queue-api")
    fifo_url = client_of(sluice).create_queue(QueueName="kept.fifo", Attributes={"FifoQueue": "true", "VisibilityTimeout": "1"})["QueueUrl"]
    queue = fifo_url.rsplit("/", 1)[1]
    sent, seen, asked = {group: 0 for group in "abc"}, {group: [] for group in "abc"}, set()
    for _ in range(5):
        sqs = client_of(sluice)
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        killer = threading.Timer(0.7, sluice.gateway.process.kill)
        killer.start()
        try:
            while True:
                for group in sent:
                    # Tried again after a kill under the same id: it is stored once, whether or not the first try was.
                    body = f"{group}{sent[group]}"
                    sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=group, MessageDeduplicationId=body)
                    sent[group] += 1
                messages = receive(sqs, url, 5)
                asked.update(message["Body"] for message in messages)
                if messages:
                    delete(sqs, url, messages)
                for message in messages:
                    seen[message["Attributes"]["MessageGroupId"]].append(message["Body"])
        except Exception as error:  # The gateway is gone.
            assert "onnect" in str(error) or "closed" in str(error), error
        killer.join()
        sluice.gateway.process.wait()
        sluice.start_gateway("--queue-api")
    sqs = client_of(sluice)
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    quiet = 0
    while quiet < 2:
        messages = receive(sqs, url, WaitTimeSeconds=2)
        quiet = 0 if messages else quiet + 1
        for message in messages:
            seen[message["Attributes"]["MessageGroupId"]].append(message["Body"])
        if messages:
            delete(sqs, url, messages)
    assert sum(sent.values()) > 60
    for group, bodies in seen.items():
        numbers = [int(body[1:]) for body in bodies]
        assert numbers == sorted(set(numbers)), f"group {group} out of order or twice: {numbers}"
        # Of those that were asked to be deleted when the gateway was killed, either may have happened.
        missing = {f"{group}{number}" for number in range(sent[group])} - set(bodies)
        assert missing <= asked, missing
