"""Topics as their clients know them: SNS's actions in AWS JSON 1.0, deliveries to a real HTTP endpoint, and crashes."""

import base64
import http.server
import json
import subprocess
import tempfile
import threading
import time
import uuid

import boto3
import httpx
import pytest
from botocore.config import Config

from processes import BINARY, PATIENCE, Sluice, environment, eventually
from subscriber import Subscriber

FLAGS = ("--queue-api", "--sns-endpoints", "127.0.0.1")
QUICK = json.dumps({"healthyRetryPolicy": {"numRetries": 3, "minDelayTarget": 1, "maxDelayTarget": 1}})
ARN = "arn:aws:sns:us-east-1:000000000000:"


class Endpoint:
    """An HTTP server on the loopback that keeps what it is sent and answers as it is told."""

    def __init__(self, confirms=True):
        self.requests = []
        self.answer = lambda request: 200
        endpoint = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                request = {"path": self.path, "headers": {name.lower(): value for name, value in self.headers.items()}, "body": body,
                           "at": time.monotonic()}
                endpoint.requests.append(request)
                if request["headers"]["x-amz-sns-message-type"] == "SubscriptionConfirmation":
                    status = 200
                    if confirms:
                        httpx.get(json.loads(body)["SubscribeURL"]).raise_for_status()
                else:
                    status = endpoint.answer(request)
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"

    def notifications(self):
        return [one for one in self.requests if one["headers"]["x-amz-sns-message-type"] == "Notification"]

    def texts(self):
        return [json.loads(one["body"])["Message"] for one in self.notifications()]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def endpoint():
    endpoint = Endpoint()
    yield endpoint
    endpoint.close()


class SNS:
    def __init__(self, sluice):
        self.sluice = sluice

    def ask(self, action, **members):
        return httpx.post(
            self.sluice.gateway.address, content=json.dumps(members), timeout=PATIENCE,
            headers={"content-type": "application/x-amz-json-1.0", "x-amz-target": f"AmazonSNS.{action}"},
        )

    def __call__(self, action, **members):
        answer = self.ask(action, **members)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refused(self, code, action, **members):
        answer = self.ask(action, **members)
        assert answer.status_code >= 400 and answer.json()["__type"] == f"com.amazonaws.sns#{code}", answer.text
        return answer.json()["message"]

    def topic(self, **attributes):
        return self("CreateTopic", Name="t-" + uuid.uuid4().hex[:12], Attributes=attributes)["TopicArn"]

    def subscribe(self, topic, kind, target, **attributes):
        arguments = dict(TopicArn=topic, Protocol=kind, Endpoint=target, Attributes=attributes, ReturnSubscriptionArn="true")
        return self("Subscribe", **arguments)["SubscriptionArn"]

    def subscribe_confirmed(self, topic, target, **attributes):
        arn = self.subscribe(topic, "http", target, **attributes)
        eventually(lambda: self("GetSubscriptionAttributes", SubscriptionArn=arn)["Attributes"]["PendingConfirmation"] == "false")
        return arn


@pytest.fixture(scope="module")
def gateway():
    sluice = Sluice()
    sluice.start_gateway(*FLAGS)
    yield sluice
    assert sluice.gateway.process.poll() is None, "the gateway has ended:\n" + "\n".join(sluice.gateway.log[-30:])
    sluice.stop()


@pytest.fixture
def sns(gateway):
    return SNS(gateway)


def sqs_of(sluice):
    return boto3.client(
        "sqs", endpoint_url=sluice.gateway.address, region_name="us-east-1", aws_access_key_id="any", aws_secret_access_key="any",
        config=Config(retries={"max_attempts": 1}, read_timeout=30),
    )


@pytest.fixture
def sqs(gateway):
    return sqs_of(gateway)


def queue(sqs):
    url = sqs.create_queue(QueueName="q-" + uuid.uuid4().hex[:12])["QueueUrl"]
    return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def messages(sqs, url, wait=5):
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=wait, MessageAttributeNames=["All"])
    return found.get("Messages", [])


def test_a_publish_reaches_the_queues_whose_filters_take_it(sns, sqs):
    topic = sns.topic(DisplayName="Orders")
    (all_url, all_arn), (dear_url, dear_arn), (raw_url, raw_arn) = queue(sqs), queue(sqs), queue(sqs)
    sns.subscribe(topic, "sqs", all_arn)
    sns.subscribe(topic, "sqs", dear_arn, FilterPolicy=json.dumps({"price": [{"numeric": [">", 100]}]}))
    sns.subscribe(topic, "sqs", raw_arn, RawMessageDelivery="true", FilterPolicyScope="MessageBody", FilterPolicy=json.dumps({"kind": ["a"]}))
    began = time.monotonic()
    waiter = threading.Thread(target=lambda: found.extend(messages(sqs, dear_url, 20)))
    found = []
    waiter.start()
    price = {"price": {"DataType": "Number", "StringValue": "150"}}
    sent = sns("Publish", TopicArn=topic, Message='{"kind": "a"}', Subject="news", MessageAttributes=price)
    waiter.join(PATIENCE)
    # A receive that waits is woken.
    assert time.monotonic() - began < 5 and len(found) == 1
    envelope = json.loads(messages(sqs, all_url)[0]["Body"])
    assert envelope["Type"] == "Notification" and envelope["MessageId"] == sent["MessageId"] and envelope["TopicArn"] == topic
    assert envelope["Subject"] == "news" and envelope["Message"] == '{"kind": "a"}'
    assert envelope["MessageAttributes"] == {"price": {"Type": "Number", "Value": "150"}}
    raw = messages(sqs, raw_url)[0]
    assert raw["Body"] == '{"kind": "a"}' and raw["MessageAttributes"]["price"]["StringValue"] == "150"
    sns("Publish", TopicArn=topic, Message='{"kind": "b"}', MessageAttributes={"price": {"DataType": "Number", "StringValue": "5"}})
    assert len(messages(sqs, all_url)) == 1 and messages(sqs, dear_url, 0) == [] and messages(sqs, raw_url, 0) == []


def test_batches_and_structured_messages(sns, sqs):
    topic, (url, arn) = sns.topic(), queue(sqs)
    sns.subscribe(topic, "sqs", arn, RawMessageDelivery="true")
    answer = sns("PublishBatch", TopicArn=topic, PublishBatchRequestEntries=[
        {"Id": "a", "Message": "1"}, {"Id": "b", "Message": ""}, {"Id": "c", "Message": "3"},
    ])
    assert [one["Id"] for one in answer["Successful"]] == ["a", "c"] and answer["Failed"][0]["Code"] == "InvalidParameter"
    sns("Publish", TopicArn=topic, MessageStructure="json", Message=json.dumps({"default": "d", "sqs": "for queues"}))
    assert [one["Body"] for one in messages(sqs, url)] == ["1", "3", "for queues"]
    sns.refused("EmptyBatchRequest", "PublishBatch", TopicArn=topic, PublishBatchRequestEntries=[])
    sns.refused("BatchEntryIdsNotDistinct", "PublishBatch", TopicArn=topic, PublishBatchRequestEntries=[{"Id": "a", "Message": "1"}] * 2)
    entries = [{"Id": str(number), "Message": "x" * 140_000} for number in range(2)]
    sns.refused("BatchRequestTooLong", "PublishBatch", TopicArn=topic, PublishBatchRequestEntries=entries)


def test_topics_and_subscriptions_are_listed_changed_and_refused(sns, sqs):
    topic, (_, arn) = sns.topic(), queue(sqs)
    assert sns("CreateTopic", Name=topic.rsplit(":", 1)[1])["TopicArn"] == topic
    one = sns.subscribe(topic, "sqs", arn)
    assert sns.subscribe(topic, "sqs", arn) == one
    listed = sns("ListSubscriptionsByTopic", TopicArn=topic)["Subscriptions"]
    assert [entry["SubscriptionArn"] for entry in listed] == [one] and listed[0]["Endpoint"] == arn
    assert one in [entry["SubscriptionArn"] for entry in sns("ListSubscriptions")["Subscriptions"]]
    assert {"TopicArn": topic} in sns("ListTopics")["Topics"]
    sns("SetTopicAttributes", TopicArn=topic, AttributeName="DisplayName", AttributeValue="x")
    attributes = sns("GetTopicAttributes", TopicArn=topic)["Attributes"]
    assert attributes["DisplayName"] == "x" and attributes["SubscriptionsConfirmed"] == "1"
    sns("SetSubscriptionAttributes", SubscriptionArn=one, AttributeName="FilterPolicy", AttributeValue='{"a": ["b"]}')
    assert sns("GetSubscriptionAttributes", SubscriptionArn=one)["Attributes"]["FilterPolicy"] == '{"a": ["b"]}'
    message = sns.refused("InvalidParameter", "SetSubscriptionAttributes", SubscriptionArn=one, AttributeName="FilterPolicy", AttributeValue='{"a": 1}')
    assert "FilterPolicy" in message
    sns.refused("InvalidParameter", "CreateTopic", Name="a b")
    sns.refused("InvalidParameter", "CreateTopic", Name="x.fifo")
    sns.refused("InvalidParameter", "CreateTopic", Name="x", Attributes={"FifoTopic": "true"})
    sns.refused("InvalidParameter", "Publish", TopicArn=topic, Message="x", MessageGroupId="a")
    sns.refused("NotFound", "Publish", TopicArn=ARN + "none", Message="x")
    sns.refused("InvalidParameter", "Publish", TopicArn=topic, Message="x" * 262_145)
    sns.refused("InvalidParameter", "Publish", TopicArn="nonsense", Message="x")
    sns.refused("InvalidParameter", "Subscribe", TopicArn=topic, Protocol="sms", Endpoint="+1")
    sns.refused("AuthorizationError", "Subscribe", TopicArn=topic, Protocol="http", Endpoint="http://example.com/")
    sns.refused("AuthorizationError", "Subscribe", TopicArn=topic, Protocol="http", Endpoint="http://127.0.0.1@example.com/")
    sns.refused("InvalidAction", "Nonsense")
    sns("Unsubscribe", SubscriptionArn=one)
    sns.refused("NotFound", "GetSubscriptionAttributes", SubscriptionArn=one)
    sns("DeleteTopic", TopicArn=topic)
    sns.refused("NotFound", "GetTopicAttributes", TopicArn=topic)


def test_a_fifo_topic_keeps_groups_in_order_and_takes_a_message_once(sns, sqs):
    name = "t-" + uuid.uuid4().hex[:12] + ".fifo"
    topic = sns("CreateTopic", Name=name, Attributes={"FifoTopic": "true", "ContentBasedDeduplication": "true"})["TopicArn"]
    _, standard = queue(sqs)
    sns.refused("InvalidParameter", "Subscribe", TopicArn=topic, Protocol="sqs", Endpoint=standard)
    sns.refused("InvalidParameter", "Subscribe", TopicArn=topic, Protocol="http", Endpoint="http://127.0.0.1/")
    url = sqs.create_queue(QueueName=f"q-{name}", Attributes={"FifoQueue": "true"})["QueueUrl"]
    sns.refused("InvalidParameter", "Subscribe", TopicArn=sns.topic(), Protocol="sqs", Endpoint=f"q-{name}")
    sns.subscribe(topic, "sqs", f"q-{name}")
    sns.refused("InvalidParameter", "Publish", TopicArn=topic, Message="x")
    numbers = []
    for place in range(6):
        answer = sns("Publish", TopicArn=topic, Message=f"m{place}", MessageGroupId="ab"[place % 2])
        numbers.append(answer["SequenceNumber"])
    assert numbers == sorted(set(numbers)) and len(numbers[0]) == 20
    sns("Publish", TopicArn=topic, Message="m0", MessageGroupId="a")
    sns("PublishBatch", TopicArn=topic, PublishBatchRequestEntries=[
        {"Id": str(place), "Message": f"n{place}", "MessageGroupId": "a", "MessageDeduplicationId": "same"} for place in range(3)
    ])
    received = []
    while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"]).get("Messages"):
        received += [(one["Attributes"]["MessageGroupId"], json.loads(one["Body"])) for one in found]
        for one in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
    assert [body["Message"] for group, body in received if group == "a"] == ["m0", "m2", "m4", "n0"]
    assert [body["Message"] for group, body in received if group == "b"] == ["m1", "m3", "m5"]
    assert all(body["SequenceNumber"] in numbers for _, body in received if body["Message"] != "n0")


def verify(gateway, envelope, names):
    text = "".join(f"{name}\n{envelope[name]}\n" for name in names if name in envelope)
    with tempfile.TemporaryDirectory() as directory:
        def keep(name, content):
            with open(f"{directory}/{name}", "wb") as file:
                file.write(content)
            return f"{directory}/{name}"

        assert envelope["SigningCertURL"].startswith(gateway.gateway.address)
        certificate = keep("certificate", httpx.get(envelope["SigningCertURL"]).content)
        key = keep("key", subprocess.run(["openssl", "x509", "-in", certificate, "-noout", "-pubkey"], capture_output=True, check=True).stdout)
        signature, signed = keep("signature", base64.b64decode(envelope["Signature"])), keep("text", text.encode())
        done = subprocess.run(["openssl", "dgst", "-sha256", "-verify", key, "-signature", signature, signed], capture_output=True)
        return done.returncode == 0


def test_an_endpoint_confirms_and_gets_signed_notifications(sns, gateway, endpoint):
    topic = sns.topic()
    arn = sns.subscribe_confirmed(topic, endpoint.url)
    confirmation = json.loads(endpoint.requests[0]["body"])
    assert confirmation["Type"] == "SubscriptionConfirmation" and "x-amz-sns-subscription-arn" not in endpoint.requests[0]["headers"]
    assert verify(gateway, confirmation, ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"])
    sent = sns("Publish", TopicArn=topic, Message="häl\nlo", Subject="news", MessageAttributes={"a": {"DataType": "String", "StringValue": "b"}})
    got = eventually(endpoint.notifications)[0]
    assert got["path"] == "/hook" and got["headers"]["x-amz-sns-topic-arn"] == topic
    assert got["headers"]["x-amz-sns-message-id"] == sent["MessageId"] and got["headers"]["x-amz-sns-subscription-arn"] == arn
    assert got["headers"]["content-type"] == "text/plain; charset=UTF-8"
    envelope = json.loads(got["body"])
    assert envelope["Message"] == "häl\nlo" and envelope["SignatureVersion"] == "2" and envelope["MessageAttributes"]["a"]["Value"] == "b"
    names = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
    assert verify(gateway, envelope, names) and not verify(gateway, {**envelope, "Message": "other"}, names)
    sns("SetSubscriptionAttributes", SubscriptionArn=arn, AttributeName="RawMessageDelivery", AttributeValue="true")
    sns("Publish", TopicArn=topic, Message="raw")
    raw = eventually(lambda: endpoint.notifications()[1:])[0]
    assert raw["body"] == b"raw" and raw["headers"]["x-amz-sns-rawdelivery"] == "true"
    assert httpx.get(envelope["UnsubscribeURL"]).status_code == 200
    sns.refused("NotFound", "GetSubscriptionAttributes", SubscriptionArn=arn)


def test_who_hasnt_confirmed_gets_nothing(sns):
    endpoint = Endpoint(confirms=False)
    topic = sns.topic()
    assert sns("Subscribe", TopicArn=topic, Protocol="http", Endpoint=endpoint.url)["SubscriptionArn"] == "pending confirmation"
    token = json.loads(eventually(lambda: endpoint.requests)[0]["body"])["Token"]
    sns("Publish", TopicArn=topic, Message="too early")
    assert sns("ListSubscriptionsByTopic", TopicArn=topic)["Subscriptions"][0]["SubscriptionArn"] == "PendingConfirmation"
    sns.refused("InvalidParameter", "ConfirmSubscription", TopicArn=topic, Token=token[:-1] + "x")
    sns("ConfirmSubscription", TopicArn=topic, Token=token)
    sns("Publish", TopicArn=topic, Message="now")
    eventually(endpoint.texts)
    assert endpoint.texts() == ["now"]
    endpoint.close()


def test_failures_are_tried_again_and_end_in_the_dead_letters(sns, sqs, endpoint):
    topic, (url, dead) = sns.topic(), queue(sqs)
    sns.subscribe_confirmed(topic, endpoint.url, DeliveryPolicy=QUICK, RedrivePolicy=json.dumps({"deadLetterTargetArn": dead}))
    answers = [503, 429, 200]
    endpoint.answer = lambda request: answers.pop(0)
    sns("Publish", TopicArn=topic, Message="third time")
    eventually(lambda: not answers)
    assert endpoint.texts() == ["third time"] * 3
    gaps = [later["at"] - earlier["at"] for earlier, later in zip(endpoint.notifications(), endpoint.notifications()[1:])]
    assert all(0.8 < gap < 5 for gap in gaps), gaps
    endpoint.answer = lambda request: 404
    sns("Publish", TopicArn=topic, Message="refused")
    letter = messages(sqs, url)[0]
    assert json.loads(letter["Body"])["Message"] == "refused" and endpoint.texts().count("refused") == 1
    sqs.delete_message(QueueUrl=url, ReceiptHandle=letter["ReceiptHandle"])
    endpoint.answer = lambda request: 500
    sns("Publish", TopicArn=topic, Message="hopeless")
    letters = messages(sqs, url, 20)
    assert json.loads(letters[0]["Body"])["Message"] == "hopeless" and endpoint.texts().count("hopeless") == 4


def test_a_slow_endpoint_delays_no_other(sns, endpoint):
    slow, stop = Endpoint(), threading.Event()
    slow.answer = lambda request: 200 if stop.wait(PATIENCE) else 500
    topic = sns.topic()
    sns.subscribe_confirmed(topic, slow.url)
    sns.subscribe_confirmed(topic, endpoint.url)
    for number in range(30):
        sns("Publish", TopicArn=topic, Message=str(number))
    eventually(lambda: len(endpoint.texts()) == 30, within=10, what="the quick endpoint's messages")
    assert 1 <= len(slow.texts()) <= 4
    stop.set()
    eventually(lambda: len(set(slow.texts())) == 30, what="the slow endpoint's messages")
    slow.close()


def test_a_sluice_subscription_reaches_a_websocket(sluice):
    sluice.start(*FLAGS)
    sns = SNS(sluice)
    topic = sns.topic()
    sns.subscribe(topic, "sluice", "shop/orders", RawMessageDelivery="true")
    with Subscriber(sluice.url()) as subscriber:
        subscriber.subscribe("shop/orders")
        sns("Publish", TopicArn=topic, Message='{"id": 7}')
        event = subscriber.expect("event")
        assert event["topic"] == "shop/orders" and event["data"] == {"id": 7}


def test_nothing_acknowledged_is_lost_when_the_gateway_is_killed(sluice, endpoint):
    sluice.start_gateway(*FLAGS)
    port, sns, sqs = sluice.gateway.port, SNS(sluice), sqs_of(sluice)
    topic, (url, arn) = sns.topic(), queue(sqs)
    sns.subscribe(topic, "sqs", arn, RawMessageDelivery="true")
    sns.subscribe_confirmed(topic, endpoint.url, DeliveryPolicy=QUICK)
    acknowledged, stop = [], threading.Event()

    def publish(name):
        number = 0
        while not stop.is_set():
            text = f"{name}-{number}"
            try:
                if sns.ask("Publish", TopicArn=topic, Message=text).status_code == 200:
                    acknowledged.append(text)
            except httpx.TransportError:
                time.sleep(0.05)
            number += 1

    publishers = [threading.Thread(target=publish, args=(name,)) for name in "abc"]
    for publisher in publishers:
        publisher.start()
    for _ in range(3):
        before = len(acknowledged)
        eventually(lambda: len(acknowledged) > before + 30)
        sluice.gateway.kill()
        sluice.start_gateway(*FLAGS, port=port)
    stop.set()
    for publisher in publishers:
        publisher.join()
    received = set()
    while found := messages(sqs, url, 1):
        received |= {one["Body"] for one in found}
        sqs.delete_message_batch(QueueUrl=url, Entries=[{"Id": str(place), "ReceiptHandle": one["ReceiptHandle"]} for place, one in enumerate(found)])
    assert set(acknowledged) <= received
    # Those that were on their way are taken again when their time is over.
    eventually(lambda: set(acknowledged) <= set(endpoint.texts()), within=90, what="the endpoint's messages")


def test_the_command_works_with_and_without_processes(sluice, endpoint):
    def topic(*arguments, code=0):
        done = subprocess.run(
            [BINARY, "topic", *arguments, "--data", sluice.directory], capture_output=True, text=True, timeout=PATIENCE, env=environment(),
        )
        assert done.returncode == code, done.stderr
        return done.stdout if code == 0 else done.stderr

    assert "Start a gateway" in topic("list", code=66)
    sluice.start_gateway(*FLAGS)
    arn = topic("create", "orders", "--attribute", "DisplayName=Orders").strip()
    assert arn == ARN + "orders" and "no topic" in topic("show", "none", code=66)
    subscription = topic("subscribe", "orders", "--protocol", "http", "--endpoint", endpoint.url).strip()
    eventually(lambda: json.loads(topic("show", "orders", "--json"))["subscriptions"][0]["state"] == "confirmed")
    topic("publish", "orders", "over the command")
    eventually(lambda: endpoint.texts() == ["over the command"])
    sluice.gateway.terminate()
    topic("publish", arn, "without a gateway", "--subject", "s")
    shown = json.loads(topic("show", "orders", "--json"))
    assert shown["subscriptions"][0]["waiting"] == 1 and "confirmed" in topic("show", "orders")
    sluice.start_gateway(*FLAGS)
    eventually(lambda: "without a gateway" in endpoint.texts())
    assert "--yes" in topic("unsubscribe", subscription, code=64)
    topic("unsubscribe", subscription, "--yes")
    topic("delete", "orders", "--yes")
    assert json.loads(topic("list", "--json")) == []


def test_an_address_that_is_none_is_refused_and_ends_no_process(sns, gateway):
    topic = sns.topic()
    for url in ("http://127.0.0.1:99999/", "http://127.0.0.1:0/", "http://localhost:99999999999999999999/"):
        assert sns.ask("Subscribe", TopicArn=topic, Protocol="http", Endpoint=url).status_code in (400, 403)
    assert gateway.gateway.process.poll() is None
    result = subprocess.run(
        [BINARY, "gateway", "--data", tempfile.mkdtemp(), "--authorizer", "webhook", "--webhook-url", "http://127.0.0.1:99999/"],
        capture_output=True, text=True, timeout=PATIENCE, env=environment(),
    )
    assert result.returncode == 78, result


def test_nobody_else_puts_messages_where_a_subscription_sends_from(sns, sqs, endpoint):
    topic = sns.topic()
    subscription = sns.subscribe(topic, "http", endpoint.url)
    own = "arn:aws:sqs:us-east-1:000000000000:sns." + subscription.rsplit(":", 1)[1]
    url, arn = queue(sqs)
    for ask in (
        lambda: sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": json.dumps({"deadLetterTargetArn": own, "maxReceiveCount": 1})}),
        lambda: sqs.start_message_move_task(SourceArn=arn, DestinationArn=own),
    ):
        with pytest.raises(sqs.exceptions.ClientError):
            ask()


def test_a_filter_of_the_body_can_be_changed_and_its_scope_stays(sns, sqs):
    topic = sns.topic()
    subscription = sns.subscribe(topic, "sqs", queue(sqs)[1])
    sns("SetSubscriptionAttributes", SubscriptionArn=subscription, AttributeName="FilterPolicyScope", AttributeValue="MessageBody")
    for value in ("x", "y"):
        policy = json.dumps({"a": {"b": [value]}})
        sns("SetSubscriptionAttributes", SubscriptionArn=subscription, AttributeName="FilterPolicy", AttributeValue=policy)
    attributes = sns("GetSubscriptionAttributes", SubscriptionArn=subscription)["Attributes"]
    assert attributes["FilterPolicyScope"] == "MessageBody" and json.loads(attributes["FilterPolicy"]) == {"a": {"b": ["y"]}}
