"""Message queues as boto3 uses them: every action of SQS's API with its errors."""

import json
import socket
import threading
import time
import uuid

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from processes import Sluice


@pytest.fixture(scope="module")
def gateway():
    sluice = Sluice()
    sluice.start_gateway("--queue-api")
    yield sluice
    sluice.stop()


def client_of(sluice):
    return boto3.client(
        "sqs", endpoint_url=sluice.gateway.address, region_name="us-east-1", aws_access_key_id="any", aws_secret_access_key="any",
        config=Config(retries={"max_attempts": 1}, read_timeout=30),
    )


@pytest.fixture
def sqs(gateway):
    return client_of(gateway)


def name():
    return "q-" + uuid.uuid4().hex[:12]


def arn(sqs, url):
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def bodies(sqs, url, **more):
    return [message["Body"] for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, **more).get("Messages", [])]


def figures(sqs, url):
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return tuple(int(found["ApproximateNumberOfMessages" + kind]) for kind in ("", "NotVisible", "Delayed"))


def refused(code, query=None):
    class Refused:
        def __enter__(self):
            return self

        def __exit__(self, kind, error, _):
            assert kind is not None and issubclass(kind, ClientError), f"not refused: {kind}"
            assert error.response["Error"]["Code"] in (code, query), error.response
            return True

    return Refused()


def test_a_message_is_sent_received_once_and_deleted(sqs):
    url = sqs.create_queue(QueueName=name())["QueueUrl"]
    sent = sqs.send_message(
        QueueUrl=url, MessageBody="häl\nlo", MessageAttributes={
            "text": {"DataType": "String", "StringValue": "ä"}, "number": {"DataType": "Number.int", "StringValue": "42"},
            "bytes": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
        },
        MessageSystemAttributes={"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1"}},
    )
    assert figures(sqs, url) == (1, 0, 0)
    # botocore checks the MD5 sums itself, and raises when one is wrong.
    found = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"], AttributeNames=["All"])["Messages"]
    assert len(found) == 1 and found[0]["Body"] == "häl\nlo" and found[0]["MessageId"] == sent["MessageId"]
    assert found[0]["MD5OfBody"] == sent["MD5OfMessageBody"] and found[0]["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    assert found[0]["MessageAttributes"]["bytes"]["BinaryValue"] == b"\x00\xff"
    assert found[0]["Attributes"]["ApproximateReceiveCount"] == "1" and found[0]["Attributes"]["AWSTraceHeader"] == "Root=1"
    assert bodies(sqs, url) == [] and figures(sqs, url) == (0, 1, 0)
    assert sqs.receive_message(QueueUrl=url, MessageAttributeNames=["te.*"], VisibilityTimeout=0).get("Messages") is None
    sqs.delete_message(QueueUrl=url, ReceiptHandle=found[0]["ReceiptHandle"])
    assert figures(sqs, url) == (0, 0, 0)


def test_the_md5_of_attributes_is_amazons(sqs):
    url = sqs.create_queue(QueueName=name())["QueueUrl"]
    sent = sqs.send_message(
        QueueUrl=url, MessageBody="This is a test message",
        MessageAttributes={"timestamp": {"DataType": "Number", "StringValue": "1493147359900"}},
    )
    assert sent["MD5OfMessageBody"] == "fafb00f5732ab283681e124bf8747ed1"
    assert sent["MD5OfMessageAttributes"] == "235c5c510d26fb653d073faed50ae77c"


def test_what_isnt_deleted_is_visible_again_and_stale_handles_delete_nothing(sqs):
    url = sqs.create_queue(QueueName=name(), Attributes={"VisibilityTimeout": "1"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="again")
    first = sqs.receive_message(QueueUrl=url)["Messages"][0]
    second = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5, AttributeNames=["All"])["Messages"][0]
    assert second["Attributes"]["ApproximateReceiveCount"] == "2"
    sqs.delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
    assert sum(figures(sqs, url)) == 1
    with refused("MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight"):
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"], VisibilityTimeout=10)
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=second["ReceiptHandle"], VisibilityTimeout=0)
    third = sqs.receive_message(QueueUrl=url)["Messages"][0]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=third["ReceiptHandle"])
    assert figures(sqs, url) == (0, 0, 0)


def test_a_long_poll_is_answered_by_the_send(sqs, gateway):
    url = sqs.create_queue(QueueName=name())["QueueUrl"]
    began, found = time.monotonic(), []

    def wait():
        found.extend(client_of(gateway).receive_message(QueueUrl=url, WaitTimeSeconds=20)["Messages"])
        found.append(time.monotonic())

    waiter = threading.Thread(target=wait)
    waiter.start()
    time.sleep(1.5)
    sent = time.monotonic()
    sqs.send_message(QueueUrl=url, MessageBody="now")
    waiter.join(timeout=15)
    assert found[0]["Body"] == "now" and found[1] - sent < 0.4 and sent - began > 1.4
    began = time.monotonic()
    assert bodies(sqs, url, WaitTimeSeconds=1) == [] and 0.9 < time.monotonic() - began < 3


def test_a_poll_whose_client_has_left_takes_nothing(sqs, gateway):
    url = sqs.create_queue(QueueName=name(), Attributes={"VisibilityTimeout": "600"})["QueueUrl"]
    body = json.dumps({"QueueUrl": url, "WaitTimeSeconds": 20}).encode()
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", gateway.gateway.port)) as left:
            left.sendall(
                b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-amz-json-1.0\r\nX-Amz-Target: AmazonSQS.ReceiveMessage\r\n"
                b"Content-Length: %d\r\n\r\n" % len(body) + body
            )
            time.sleep(0.3)
            left.shutdown(socket.SHUT_WR)
            # Answered at once, with nothing.
            assert b"{}" in left.recv(4096)
        sqs.send_message(QueueUrl=url, MessageBody="mine")
        found = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"]
        assert found[0]["Body"] == "mine"
        sqs.delete_message(QueueUrl=url, ReceiptHandle=found[0]["ReceiptHandle"])


def test_a_move_of_what_was_sent_to_the_queue_itself_ends_and_gives_it_back(sqs):
    dead = sqs.create_queue(QueueName=name())["QueueUrl"]
    policy = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": arn(sqs, dead), "maxReceiveCount": 1})}
    sqs.create_queue(QueueName=name(), Attributes=policy)
    sqs.send_message(QueueUrl=dead, MessageBody="sent here")
    sqs.start_message_move_task(SourceArn=arn(sqs, dead))
    deadline = time.monotonic() + 10
    while (move := sqs.list_message_move_tasks(SourceArn=arn(sqs, dead))["Results"][0])["Status"] == "RUNNING":
        assert time.monotonic() < deadline, move
        time.sleep(0.05)
    assert move["Status"] == "FAILED" and "CouldNotDetermineMessageSource" in move["FailureReason"]
    assert bodies(sqs, dead, WaitTimeSeconds=2) == ["sent here"]


def test_delays_of_the_queue_and_of_a_message(sqs):
    url = sqs.create_queue(QueueName=name(), Attributes={"DelaySeconds": "2"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="late")
    sqs.send_message(QueueUrl=url, MessageBody="at once", DelaySeconds=0)
    assert figures(sqs, url) == (1, 0, 1)
    began = time.monotonic()
    assert bodies(sqs, url) == ["at once"]
    assert bodies(sqs, url, WaitTimeSeconds=10) == ["late"] and 1 < time.monotonic() - began < 4


def test_batches_with_partial_results(sqs):
    url = sqs.create_queue(QueueName=name(), Attributes={"MaximumMessageSize": "1024"})["QueueUrl"]
    answer = sqs.send_message_batch(QueueUrl=url, Entries=[
        {"Id": "a", "MessageBody": "1"}, {"Id": "b", "MessageBody": "x" * 1025}, {"Id": "c", "MessageBody": "3", "DelaySeconds": 0},
    ])
    assert [one["Id"] for one in answer["Successful"]] == ["a", "c"]
    assert [(one["Id"], one["Code"], one["SenderFault"]) for one in answer["Failed"]] == [("b", "InvalidParameterValue", True)]
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert [one["Body"] for one in found] == ["1", "3"]
    changed = sqs.change_message_visibility_batch(QueueUrl=url, Entries=[
        {"Id": "a", "ReceiptHandle": found[0]["ReceiptHandle"], "VisibilityTimeout": 60}, {"Id": "x", "ReceiptHandle": "nonsense", "VisibilityTimeout": 1},
    ])
    assert [one["Id"] for one in changed["Successful"]] == ["a"] and changed["Failed"][0]["Code"] == "ReceiptHandleIsInvalid"
    deleted = sqs.delete_message_batch(QueueUrl=url, Entries=[
        {"Id": "a", "ReceiptHandle": found[0]["ReceiptHandle"]}, {"Id": "c", "ReceiptHandle": found[1]["ReceiptHandle"]}, {"Id": "x", "ReceiptHandle": "m-1-1"},
    ])
    assert [one["Id"] for one in deleted["Successful"]] == ["a", "c"] and [one["Id"] for one in deleted["Failed"]] == ["x"]
    assert figures(sqs, url) == (0, 0, 0)
    with refused("TooManyEntriesInBatchRequest", "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"):
        sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": str(number), "MessageBody": "1"} for number in range(11)])
    with refused("EmptyBatchRequest", "AWS.SimpleQueueService.EmptyBatchRequest"):
        sqs.send_message_batch(QueueUrl=url, Entries=[])
    with refused("BatchEntryIdsNotDistinct", "AWS.SimpleQueueService.BatchEntryIdsNotDistinct"):
        sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": "a", "MessageBody": "1"}] * 2)
    with refused("InvalidBatchEntryId", "AWS.SimpleQueueService.InvalidBatchEntryId"):
        sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": "a b", "MessageBody": "1"}])
    with refused("BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong"):
        sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": str(number), "MessageBody": "x" * 600_000} for number in range(2)])
    assert figures(sqs, url) == (0, 0, 0)


def test_a_poison_message_ends_in_dead_letters_while_others_flow_and_comes_back(sqs):
    dead = sqs.create_queue(QueueName=name())["QueueUrl"]
    policy = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": arn(sqs, dead), "maxReceiveCount": "2"}), "VisibilityTimeout": "0"}
    url = sqs.create_queue(QueueName=name(), Attributes=policy)["QueueUrl"]
    sent = sqs.send_message(QueueUrl=url, MessageBody="poison")
    received = 0
    for number in range(4):
        sqs.send_message(QueueUrl=url, MessageBody=f"good {number}")
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            if message["Body"] == "poison":
                received += 1
            else:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert received == 2 and figures(sqs, url) == (0, 0, 0)
    letter = sqs.receive_message(QueueUrl=dead, AttributeNames=["All"], VisibilityTimeout=0)["Messages"][0]
    assert letter["Body"] == "poison" and letter["MessageId"] == sent["MessageId"]
    assert letter["Attributes"]["DeadLetterQueueSourceArn"] == arn(sqs, url)
    assert sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == [url]
    with refused("UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation"):
        sqs.start_message_move_task(SourceArn=arn(sqs, dead), DestinationArn=arn(sqs, dead))
    task = sqs.start_message_move_task(SourceArn=arn(sqs, dead), MaxNumberOfMessagesPerSecond=10)["TaskHandle"]
    back = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5, AttributeNames=["All"])["Messages"]
    # A new message: with its old time the queue's retention might take it at once.
    assert [one["Body"] for one in back] == ["poison"] and back[0]["MessageId"] != sent["MessageId"]
    assert int(back[0]["Attributes"]["SentTimestamp"]) > int(letter["Attributes"]["SentTimestamp"])
    deadline = time.monotonic() + 10
    while (moves := sqs.list_message_move_tasks(SourceArn=arn(sqs, dead))["Results"])[0]["Status"] != "COMPLETED":
        assert time.monotonic() < deadline, moves
        time.sleep(0.05)
    assert moves[0]["ApproximateNumberOfMessagesMoved"] == 1 and figures(sqs, dead) == (0, 0, 0)
    with refused("ResourceNotFoundException"):
        sqs.cancel_message_move_task(TaskHandle=task)


def test_a_dead_letter_queue_decides_who_may_use_it(sqs):
    dead = sqs.create_queue(QueueName=name(), Attributes={"RedriveAllowPolicy": json.dumps({"redrivePermission": "denyAll"})})["QueueUrl"]
    policy = json.dumps({"deadLetterTargetArn": arn(sqs, dead), "maxReceiveCount": 1})
    with refused("InvalidAttributeValue"):
        sqs.create_queue(QueueName=name(), Attributes={"RedrivePolicy": policy})
    with refused("InvalidAttributeValue"):
        sqs.create_queue(QueueName=name(), Attributes={"RedrivePolicy": json.dumps({"deadLetterTargetArn": "arn:aws:sqs:us-east-1:0:no", "maxReceiveCount": 1})})


def test_queues_are_made_listed_changed_purged_and_deleted(sqs):
    prefix = name()
    urls = [sqs.create_queue(QueueName=f"{prefix}-{number}", tags={"team": "a"})["QueueUrl"] for number in range(5)]
    assert sqs.list_queues(QueueNamePrefix=prefix)["QueueUrls"] == urls
    first = sqs.list_queues(QueueNamePrefix=prefix, MaxResults=3)
    assert first["QueueUrls"] + sqs.list_queues(QueueNamePrefix=prefix, MaxResults=3, NextToken=first["NextToken"])["QueueUrls"] == urls
    assert sqs.create_queue(QueueName=f"{prefix}-0")["QueueUrl"] == urls[0] == sqs.get_queue_url(QueueName=f"{prefix}-0")["QueueUrl"]
    assert sqs.create_queue(QueueName=f"{prefix}-0", Attributes={"DelaySeconds": "0"})["QueueUrl"] == urls[0]
    with refused("InvalidAttributeValue"):
        sqs.create_queue(QueueName=f"{prefix}-x", tags={str(number): "" for number in range(51)})
    with refused("QueueNameExists", "QueueAlreadyExists"):
        sqs.create_queue(QueueName=f"{prefix}-0", Attributes={"VisibilityTimeout": "7"})
    sqs.set_queue_attributes(QueueUrl=urls[0], Attributes={"VisibilityTimeout": "7"})
    assert sqs.create_queue(QueueName=f"{prefix}-0")["QueueUrl"] == urls[0]
    assert sqs.get_queue_attributes(QueueUrl=urls[0], AttributeNames=["VisibilityTimeout"])["Attributes"] == {"VisibilityTimeout": "7"}
    with refused("InvalidAttributeValue"):
        sqs.set_queue_attributes(QueueUrl=urls[0], Attributes={"VisibilityTimeout": "43201"})
    with refused("InvalidAttributeName"):
        sqs.set_queue_attributes(QueueUrl=urls[0], Attributes={"Nonsense": "1"})
    sqs.tag_queue(QueueUrl=urls[0], Tags={"team": "b", "cost": "1"})
    sqs.untag_queue(QueueUrl=urls[0], TagKeys=["cost"])
    assert sqs.list_queue_tags(QueueUrl=urls[0])["Tags"] == {"team": "b"}
    for number in range(3):
        sqs.send_message_batch(QueueUrl=urls[0], Entries=[{"Id": str(entry), "MessageBody": "x"} for entry in range(10)])
    sqs.receive_message(QueueUrl=urls[0], MaxNumberOfMessages=10)
    sqs.purge_queue(QueueUrl=urls[0])
    assert figures(sqs, urls[0]) == (0, 0, 0)
    with refused("PurgeQueueInProgress", "AWS.SimpleQueueService.PurgeQueueInProgress"):
        sqs.purge_queue(QueueUrl=urls[0])
    sqs.send_message(QueueUrl=urls[1], MessageBody="gone with it")
    for url in urls:
        sqs.delete_queue(QueueUrl=url)
    assert "QueueUrls" not in sqs.list_queues(QueueNamePrefix=prefix) or sqs.list_queues(QueueNamePrefix=prefix)["QueueUrls"] == []
    with refused("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"):
        sqs.send_message(QueueUrl=urls[1], MessageBody="x")
    assert sqs.create_queue(QueueName=f"{prefix}-1")["QueueUrl"] == urls[1] and figures(sqs, urls[1]) == (0, 0, 0)


@pytest.mark.parametrize("more, code", [
    ({"MessageBody": "x", "DelaySeconds": 901}, "InvalidParameterValue"),
    ({"MessageBody": "a\x00b"}, "InvalidMessageContents"),
    ({"MessageBody": "x", "MessageAttributes": {"AWS.x": {"DataType": "String", "StringValue": "1"}}}, "InvalidParameterValue"),
    ({"MessageBody": "x", "MessageAttributes": {"n": {"DataType": "Number", "StringValue": "one"}}}, "InvalidParameterValue"),
    ({"MessageBody": "x", "MessageAttributes": {str(number): {"DataType": "String", "StringValue": "1"} for number in range(11)}}, "InvalidParameterValue"),
    ({"MessageBody": "x", "MessageGroupId": ""}, "InvalidParameterValue"),
])
def test_messages_that_arent_taken(sqs, more, code):
    url = sqs.create_queue(QueueName="refusing")["QueueUrl"]
    with refused(code):
        sqs.send_message(QueueUrl=url, **more)
    assert figures(sqs, url) == (0, 0, 0)


def test_what_isnt_the_api_is_told_so(gateway, sqs):
    address = gateway.gateway.address
    json_type = {"Content-Type": "application/x-amz-json-1.0"}
    assert httpx.post(address + "/", content=b"{}", headers=json_type).status_code == 400
    assert httpx.post(address + "/", content=b"{}", headers={"X-Amz-Target": "AmazonSQS.ListQueues"}).status_code == 400
    answer = httpx.post(address + "/", content=b"[", headers={**json_type, "X-Amz-Target": "AmazonSQS.ListQueues"})
    assert answer.status_code == 400 and answer.json()["__type"].endswith("#SerializationException")
    answer = httpx.post(address + "/", content=b"{}", headers={**json_type, "X-Amz-Target": "AmazonSQS.Nonsense"})
    assert answer.status_code == 400 and answer.headers["x-amzn-query-error"].endswith(";Sender")


def test_what_means_nothing_here_is_taken(sqs):
    ignored = {"Policy": "{}", "KmsMasterKeyId": "alias/x", "KmsDataKeyReusePeriodSeconds": "60", "SqsManagedSseEnabled": "true", "FifoQueue": "false"}
    url = sqs.create_queue(QueueName=name(), Attributes=ignored)["QueueUrl"]
    sqs.add_permission(QueueUrl=url, Label="l", AWSAccountIds=["1"], Actions=["SendMessage"])
    sqs.remove_permission(QueueUrl=url, Label="l")
    with refused("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"):
        sqs.add_permission(QueueUrl=url + "x", Label="l", AWSAccountIds=["1"], Actions=["SendMessage"])
    with refused("InvalidParameterValue"):
        sqs.remove_permission(QueueUrl=url, Label="no label")
    assert not set(ignored) & set(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"])


def test_two_gateways_share_queues_and_what_is_held(sluice):
    sluice.start_gateway("--queue-api")
    first = client_of(sluice)
    sluice.start_gateway("--queue-api", "--name", "second")
    second = client_of(sluice)
    url = first.create_queue(QueueName="shared")["QueueUrl"]
    found = []
    waiter = threading.Thread(target=lambda: found.extend(first.receive_message(QueueUrl=url, WaitTimeSeconds=20)["Messages"]))
    waiter.start()
    # Long enough for the poll to wait; if it weren't there yet, it would find the message at once.
    waiter.join(timeout=1.2)
    sent = time.monotonic()
    second.send_message(QueueUrl=url, MessageBody="from the other")
    waiter.join(timeout=15)
    assert found[0]["Body"] == "from the other" and time.monotonic() - sent < 0.6
    assert bodies(second, url) == [] and figures(second, url) == (0, 1, 0)
    second.delete_message(QueueUrl=url, ReceiptHandle=found[0]["ReceiptHandle"])
    assert figures(first, url) == (0, 0, 0)


def test_a_drain_answers_polls_and_a_deleted_queue_does(sluice):
    sluice.start_gateway("--queue-api", "--drain-window", "0s")
    sqs, answers = client_of(sluice), []
    urls = [sqs.create_queue(QueueName=f"drained-{number}")["QueueUrl"] for number in range(2)]

    def wait(url):
        try:
            answers.append(client_of(sluice).receive_message(QueueUrl=url, WaitTimeSeconds=20).get("Messages", []))
        except ClientError as error:
            answers.append(error.response["Error"]["Code"])

    waiters = [threading.Thread(target=wait, args=(url,)) for url in urls]
    for waiter in waiters:
        waiter.start()
    time.sleep(1)
    sqs.delete_queue(QueueUrl=urls[0])
    waiters[0].join(timeout=5)
    assert answers in (["AWS.SimpleQueueService.NonExistentQueue"], ["QueueDoesNotExist"])
    began = time.monotonic()
    sluice.gateway.terminate()
    waiters[1].join(timeout=10)
    assert answers[1] == [] and time.monotonic() - began < 5


def test_without_the_flag_there_is_no_api(sluice):
    sluice.start_gateway()
    headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.ListQueues"}
    assert httpx.post(sluice.gateway.address + "/", content=b"{}", headers=headers).status_code == 405


def test_nothing_acknowledged_is_lost_when_the_gateway_is_killed_over_and_over(sluice):
    sluice.start_gateway("--queue-api")
    sqs = client_of(sluice)
    url = sqs.create_queue(QueueName="kept", Attributes={"VisibilityTimeout": "1"})["QueueUrl"]
    sent, deleted, asked, number = set(), set(), set(), 0
    for _ in range(5):
        sqs = client_of(sluice)
        url = sqs.get_queue_url(QueueName="kept")["QueueUrl"]
        killer = threading.Timer(0.7, sluice.gateway.process.kill)
        killer.start()
        try:
            while True:
                entries = [{"Id": str(entry), "MessageBody": str(number + entry)} for entry in range(10)]
                number += 10
                sqs.send_message_batch(QueueUrl=url, Entries=entries)
                sent.update(entry["MessageBody"] for entry in entries)
                found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=5).get("Messages", [])
                for message in found:
                    assert message["Body"] not in deleted, "a deleted message came back"
                asked.update(message["Body"] for message in found)
                sqs.delete_message_batch(
                    QueueUrl=url, Entries=[{"Id": str(entry), "ReceiptHandle": message["ReceiptHandle"]} for entry, message in enumerate(found)]
                )
                deleted.update(message["Body"] for message in found)
        except Exception as error:  # The gateway is gone.
            assert "Could not connect" in str(error) or "onnection" in str(error), error
        killer.join()
        sluice.gateway.process.wait()
        sluice.start_gateway("--queue-api")
    sqs = client_of(sluice)
    url = sqs.get_queue_url(QueueName="kept")["QueueUrl"]
    left, quiet = set(), 0
    while quiet < 2:
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=2).get("Messages", [])
        quiet = 0 if found else quiet + 1
        for message in found:
            left.add(message["Body"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    # Of those that were asked to be deleted when the gateway was killed, either may have happened.
    assert len(sent) > 100 and sent - asked <= left and not left & deleted
