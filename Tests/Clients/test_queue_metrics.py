"""The metrics of message queues: what is counted, what is measured, and how many series there may be."""

import json
import shutil
import subprocess

import httpx
import pytest

from processes import eventually
from test_operations import exposition
from test_queue_commands import Queues, redrive_policy


def ask(sluice, action, **members):
    headers = {"X-Amz-Target": f"AmazonSQS.{action}", "Content-Type": "application/x-amz-json-1.0"}
    answer = httpx.post(sluice.gateway.address + "/", headers=headers, content=json.dumps(members), timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()


def make(sluice, name, **attributes):
    return ask(sluice, "CreateQueue", QueueName=name, Attributes=attributes)["QueueUrl"]


def metrics(sluice):
    """By the rest of the metric's name and the labels' values."""
    samples = exposition(httpx.get(sluice.gateway.address + "/metrics").text)
    prefix = "sluice_message_queue_"
    return {(name[len(prefix):], *[label.split('"')[1] for label in labels.split(",")]): value for (name, labels), value in samples.items() if name.startswith(prefix)}


def measured(sluice, condition, what):
    return eventually(lambda: condition(metrics(sluice)), what=what)


def test_what_happens_to_messages_is_counted_and_what_there_is_is_measured(sluice):
    sluice.start_gateway("--queue-api")
    make(sluice, "dead")
    policy = redrive_policy("dead").split("=", 1)[1]
    url = make(sluice, "q", RedrivePolicy=policy)
    for n in range(4):
        ask(sluice, "SendMessage", QueueUrl=url, MessageBody=str(n))
    ask(sluice, "SendMessage", QueueUrl=url, MessageBody="late", DelaySeconds=900)
    first, second = ask(sluice, "ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=2)["Messages"]
    ask(sluice, "DeleteMessage", QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
    ask(sluice, "ChangeMessageVisibility", QueueUrl=url, ReceiptHandle=second["ReceiptHandle"], VisibilityTimeout=0)
    (third,) = ask(sluice, "ReceiveMessage", QueueUrl=url)["Messages"]
    assert third["Body"] == "2"
    samples = metrics(sluice)
    counted = {event: samples[(f"{event}_total", "q")] for event in ("sent", "received", "deleted", "dead_lettered", "expired")}
    assert counted == {"sent": 5, "received": 3, "deleted": 1, "dead_lettered": 1, "expired": 0}
    wanted = {("messages", "q", "visible"): 1, ("messages", "q", "in_flight"): 1, ("messages", "q", "delayed"): 1, ("messages", "dead", "visible"): 1}
    measured(sluice, lambda samples: all(samples.get(key) == value for key, value in wanted.items()), "the figures")
    assert metrics(sluice)[("oldest_age_seconds", "q")] > 0
    # A deleted queue has none any more; what a command sends is measured.
    ask(sluice, "DeleteQueue", QueueUrl=url)
    Queues(sluice.directory).run("send", "dead", "x")
    measured(sluice, lambda samples: samples[("messages", "dead", "visible")] == 2 and not any("q" in key for key in samples), "the end of the series")
    if shutil.which("promtool"):
        text = httpx.get(sluice.gateway.address + "/metrics").text
        result = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
        assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("series", [0, 2])
def test_queues_beyond_the_limit_are_counted_together(sluice, series):
    sluice.start_gateway("--queue-api", "--queue-series", str(series))
    urls = [make(sluice, name) for name in ("a", "b", "c", "d")]
    for url in urls:
        ask(sluice, "SendMessage", QueueUrl=url, MessageBody="x")
    names = {key[1] for key in metrics(sluice)}
    assert names == {"(others)", *["a", "b"][:series]}
    assert metrics(sluice)[("sent_total", "(others)")] == 4 - series
    measured(sluice, lambda samples: samples.get(("messages", "(others)", "visible")) == 4 - series, "the figures of all others")
    assert metrics(sluice)[("oldest_age_seconds", "(others)")] > 0
    if series == 0:
        return
    # The next one by name takes the place of one that is deleted, and one that is before it takes its own.
    ask(sluice, "DeleteQueue", QueueUrl=urls[0])
    measured(sluice, lambda samples: {key[1] for key in samples} == {"(others)", "b", "c"} and samples[("messages", "c", "visible")] == 1, "the next one")
    make(sluice, "a")
    measured(sluice, lambda samples: {key[1] for key in samples} == {"(others)", "a", "b"}, "the one before")
