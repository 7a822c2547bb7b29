"""`sluice queue` on message queues: with nothing running, and beside a gateway whose clients see what the commands did and the other way round."""

import json
import os
import pty
import re
import select
import subprocess
import threading
import time
import uuid

import boto3
import pytest
from botocore.config import Config

from processes import BINARY, PATIENCE, Sluice, environment, eventually


class Queues:
    """Runs `sluice queue` on a data directory."""

    def __init__(self, directory):
        self.directory = directory

    def run(self, command, *arguments, code=0, text=None):
        result = subprocess.run(
            [BINARY, "queue", command, *arguments, "--data", self.directory], input=text if text is not None else "",
            capture_output=True, text=True, timeout=PATIENCE, env=environment(),
        )
        assert result.returncode == code, (result.returncode, result.stdout, result.stderr)
        return result.stdout if code == 0 else result.stderr

    def json(self, command, *arguments, **more):
        return json.loads(self.run(command, *arguments, "--json", **more))

    def lines(self, command, *arguments, **more):
        return [json.loads(line) for line in self.run(command, *arguments, "--json", **more).splitlines()]

    def figures(self, queue):
        depth = self.json("depth", queue)
        return depth["visible"], depth["inFlight"], depth["delayed"]


@pytest.fixture
def queues(sluice):
    """A data directory in which a gateway has run, and nothing runs."""
    sluice.start_gateway()
    assert sluice.gateway.terminate() == 0
    return Queues(sluice.directory)


@pytest.fixture(scope="module")
def gateway():
    sluice = Sluice()
    sluice.start_gateway("--queue-api")
    yield sluice
    sluice.stop()


@pytest.fixture
def beside(gateway):
    return Queues(gateway.directory)


@pytest.fixture
def sqs(gateway):
    return boto3.client(
        "sqs", endpoint_url=gateway.gateway.address, region_name="us-east-1", aws_access_key_id="any", aws_secret_access_key="any",
        config=Config(retries={"max_attempts": 1}, read_timeout=30),
    )


def unique():
    return "q-" + uuid.uuid4().hex[:12]


def arn(queue):
    return f"arn:aws:sqs:us-east-1:000000000000:{queue}"


def redrive_policy(queue, receives=1):
    return "RedrivePolicy=" + json.dumps({"deadLetterTargetArn": arn(queue), "maxReceiveCount": receives})


def test_a_queue_is_made_filled_looked_at_emptied_and_deleted_with_nothing_running(queues):
    assert queues.json("list") == [] and "no message queues" in queues.run("list")
    queues.run("create", "orders", "--attribute", "VisibilityTimeout=60", "--tag", "team=a=b")
    queues.run("create", "orders", "--attribute", "VisibilityTimeout=60")
    assert "other attributes" in queues.run("create", "orders", "--attribute", "VisibilityTimeout=61", code=64)
    sent = queues.json("send", "orders", "first", "--attribute", "kind=text")
    assert queues.run("send", "orders", "-", text="zweite\nZeile ä\n").strip() != sent["messageId"]
    queues.run("send", "orders", "later", "--delay", "10m")
    assert queues.figures("orders") == (2, 0, 1)
    peeked = queues.json("peek", "orders")
    assert [(one["ordinal"], one["state"], one["receiveCount"], one["body"]) for one in peeked] == [
        (1, "visible", 0, "first"), (2, "visible", 0, "zweite\nZeile ä\n"), (3, "delayed", 0, "later"),
    ]
    assert peeked[0]["messageId"] == sent["messageId"] and peeked[0]["attributes"] == {"kind": {"type": "String", "value": "text"}}
    (first,) = queues.lines("receive", "orders")
    assert first["body"] == "first" and first["receiveCount"] == 1 and queues.figures("orders") == (1, 1, 1)
    assert [one["state"] for one in queues.json("peek", "orders")] == ["inFlight", "visible", "delayed"]
    # A terminal would go to the next line: a body is one.
    assert queues.run("receive", "orders", "--count", "10", "--delete") == "zweite\\nZeile ä\\n\n"
    assert queues.figures("orders") == (0, 1, 1)
    (listed,) = queues.json("list")
    assert (listed["queue"], listed["kind"], listed["inFlight"], listed["deadLetterQueue"]) == ("orders", "standard", 1, None)
    shown = queues.json("show", "orders")
    assert shown["attributes"]["VisibilityTimeout"] == "60" and shown["tags"] == {"team": "a=b"} and shown["deadLetterSources"] == []
    for command in ("show", "depth", "peek"):
        assert "orders" in queues.run(command, "orders") or command == "peek"
    shown = queues.json("set", "orders", "--attribute", "VisibilityTimeout=0", "--untag", "team", "--tag", "x=y")
    assert shown == {**queues.json("show", "orders"), "oldestAgeSeconds": shown["oldestAgeSeconds"]}
    assert shown["attributes"]["VisibilityTimeout"] == "0" and shown["tags"] == {"x": "y"}
    assert queues.json("purge", "orders", "--yes") == {"queue": "orders", "removed": 2}
    assert queues.figures("orders") == (0, 0, 0)
    assert queues.json("delete", "orders", "--yes")["removed"] == 0
    assert queues.json("list") == []
    assert "'sluice queue list'" in queues.run("depth", "orders", code=66) and "'sluice queue list'" in queues.run("send", "orders", "x", code=66)


def test_the_log_is_as_it_was_after_a_command(sluice):
    """Another map size, an epoch or a trimmed record would be everybody's."""
    sluice.start_gateway("--log-map-size", "64MiB", "--retention-age", "7d")
    sluice.publish("kept", 1)
    sluice.gateway.terminate()
    queues = Queues(sluice.directory)
    before = sluice.command("queue", "depth")
    queues.run("create", "q")
    for number in range(3):
        queues.run("send", "q", str(number))
    after = sluice.command("queue", "depth")
    assert after["mapSizeBytes"] == before["mapSizeBytes"] == 64 << 20 and after["logRecords"] == 1
    sluice.start_gateway("--log-map-size", "64MiB", "--retention-age", "7d")
    sluice.publish("kept", 2)
    assert [one["sequence"] for one in sluice.command("queue", "peek")] == [1, 2]


@pytest.mark.parametrize("command", [["list"], ["show", "q"], ["create", "q"], ["send", "q", "x"], ["receive", "q"], ["delete", "q", "--yes"],
                                     ["purge", "q", "--yes"], ["redrive", "q"], ["move", "q", "--to", "r"], ["depth", "q"], ["peek", "q"],
                                     ["trim", "q", "--older-than", "1d", "--yes"], ["set", "q", "--tag", "a=b"]])
def test_a_command_makes_nothing_where_there_is_no_log(tmp_path, command):
    directory = tmp_path / "none"
    result = subprocess.run([BINARY, "queue", *command, "--data", directory], capture_output=True, text=True, env=environment(), input="")
    assert result.returncode == 66 and str(directory) in result.stderr, result
    assert not directory.exists()


def test_looking_makes_nothing(queues):
    queues.run("create", "q")
    queues.run("send", "q", "x")
    before = sorted(os.listdir(queues.directory + "/queues"))
    for command in (["list"], ["show", "q"], ["depth", "q"], ["peek", "q"]):
        queues.run(*command)
    assert sorted(os.listdir(queues.directory + "/queues")) == before


@pytest.mark.parametrize("arguments, said", [
    (["create", "a/b"], "a/b"), (["create", "a.b"], "a.b"), (["create", "x", "--fifo"], ".fifo"), (["create", "x", "--attribute", "Nonsense=1"], "Nonsense"),
    (["create", "x", "--attribute", "DelaySeconds=901"], "DelaySeconds"), (["send", "q", ""], "at least one character"),
    (["send", "q", "\x01"], "control characters"), (["send", "q", "x", "--delay", "16m"], "DelaySeconds=960"),
    (["send", "q", "x", "--attribute", "AWS.x=1"], "AWS.x"), (["send", "q", "x", "--deduplication-id", "1"], "FIFO"),
    (["send", "f.fifo", "x"], "--group"), (["send", "f.fifo", "x", "--group", "g"], "MessageDeduplicationId"), (["send", "q"], "--lines"),
    (["send", "q", "x" * 2000], "2000 bytes"), (["receive", "q", "--count", "0"], "--count"), (["move", "q", "--to", "q"], "itself"),
    (["move", "q", "--to", "f.fifo"], "FIFO"), (["redrive", "q"], "no queue's dead-letter queue"), (["depth", "q", "--by-topic"], "topics"),
    (["trim", "q", "--older-than", "soon"], "soon"), (["delete", "q"], "--yes"), (["purge", "q"], "--yes"), (["set", "q"], "--attribute"),
])
def test_what_is_wrong_is_said_and_nothing_happens(mistakes, arguments, said):
    assert said in mistakes.run(*arguments, code=64)
    assert mistakes.figures("q") == (0, 0, 0) and [one["queue"] for one in mistakes.json("list")] == ["f.fifo", "q"]


@pytest.fixture(scope="module")
def mistakes():
    sluice = Sluice()
    sluice.start_gateway()
    sluice.gateway.terminate()
    queues = Queues(sluice.directory)
    queues.run("create", "q", "--attribute", "MaximumMessageSize=1024")
    queues.run("create", "f.fifo")
    yield queues
    sluice.stop()


def test_lines_are_sent_in_batches_and_a_bad_one_is_named(queues):
    queues.run("create", "q")
    count = 2_500
    assert queues.json("send", "q", "--lines", text="".join(f"line {n}\n\n" for n in range(count))) == {"sent": count, "duplicates": 0}
    assert queues.figures("q") == (count, 0, 0)
    received = queues.lines("receive", "q", "--count", "10000", "--delete")
    assert [one["body"] for one in received] == [f"line {n}" for n in range(count)]
    assert "Line 3" in queues.run("send", "q", "--lines", text="a\nb\n\x01\nc\n", code=64)
    assert [one["body"] for one in queues.json("peek", "q")] == ["a", "b"]
    assert "2 messages sent" in queues.run("send", "q", "--lines", text="d\ne")


def test_what_a_slow_writer_has_written_is_sent_before_its_end(queues):
    queues.run("create", "q")
    process = subprocess.Popen([BINARY, "queue", "send", "q", "--lines", "--data", queues.directory], stdin=subprocess.PIPE, env=environment(), text=True)
    process.stdin.write("now\n")
    process.stdin.flush()
    eventually(lambda: queues.figures("q") == (1, 0, 0), what="the first line")
    process.stdin.close()
    assert process.wait(PATIENCE) == 0


def test_fifo_messages_come_in_order_and_a_second_send_is_known(queues):
    queues.run("create", "f.fifo", "--attribute", "ContentBasedDeduplication=true")
    queues.run("send", "f.fifo", "--lines", "--group", "g", text="a\nb\nc\n")
    assert queues.json("send", "f.fifo", "a", "--group", "g")["duplicate"] is True
    assert queues.json("send", "f.fifo", "--lines", "--group", "g", text="b\nd\n") == {"sent": 2, "duplicates": 1}
    received = queues.lines("receive", "f.fifo", "--count", "10", "--delete")
    assert [(one["body"], one["groupId"], one["sequenceNumber"]) for one in received] == [("a", "g", 1), ("b", "g", 2), ("c", "g", 3), ("d", "g", 4)]
    assert "GROUP" in queues.run("peek", "f.fifo") or queues.json("peek", "f.fifo") == []


def test_dead_letters_are_shown_and_go_back(queues):
    queues.run("create", "dead")
    queues.run("create", "q", "--attribute", redrive_policy("dead"))
    queues.run("send", "q", "--lines", text="".join(f"{n}\n" for n in range(250)))
    queues.run("receive", "q", "--count", "10000", "--visibility", "0")
    queues.run("receive", "q", "--count", "1")
    eventually(lambda: queues.run("receive", "q") == "" and queues.json("depth", "q")["deadLetters"] == 250, what="all dead letters")
    assert queues.json("show", "dead")["deadLetterSources"] == ["q"] and "dead letters of" in queues.run("show", "dead")
    assert queues.json("list")[1]["deadLetterQueue"] == "dead" and queues.json("peek", "dead")[0]["deadLetterSource"] == "q"
    assert queues.json("redrive", "dead") == {"source": "dead", "destination": None, "moved": 250}
    assert queues.figures("q") == (250, 0, 0) and queues.figures("dead") == (0, 0, 0)
    queues.run("create", "other")
    began = time.monotonic()
    assert "250 messages moved" in queues.run("move", "q", "--to", "other", "--rate", "250")
    assert time.monotonic() - began > 0.8
    assert queues.figures("other") == (250, 0, 0)
    queues.run("send", "dead", "from nowhere")
    assert "CouldNotDetermineMessageSource" in queues.run("redrive", "dead", code=74)
    assert queues.json("redrive", "dead", "--to", "other")["moved"] == 1


def test_old_messages_are_trimmed(queues):
    queues.run("create", "q")
    queues.run("send", "q", "--lines", text="".join(f"old {n}\n" for n in range(250)))
    queues.run("receive", "q")
    time.sleep(1.1)
    queues.run("send", "q", "new")
    assert queues.json("trim", "q", "--older-than", "1h", "--yes") == {"queue": "q", "removed": 0}
    assert queues.json("trim", "q", "--older-than", "1s", "--yes") == {"queue": "q", "removed": 250}
    assert [one["body"] for one in queues.json("peek", "q")] == ["new"]


def test_bodies_cannot_command_a_terminal(queues, sluice):
    queues.run("create", "q")
    queues.run("send", "q", "\x7f\u202eevil\nline")
    for output in (queues.run("peek", "q"), queues.run("receive", "q", "--visibility", "0"), queues.run("peek", "q", "--json")):
        assert "\x7f" not in output and "\u202e" not in output and output.count("\n") <= 2
    assert queues.lines("receive", "q")[0]["body"] == "\x7f\u202eevil\nline"


def test_what_cannot_be_written_is_not_deleted(queues):
    queues.run("create", "q")
    queues.run("send", "q", "x")
    with open("/dev/full", "w") as full:
        result = subprocess.run(
            [BINARY, "queue", "receive", "q", "--visibility", "0", "--delete", "--data", queues.directory], stdout=full, stderr=subprocess.PIPE, text=True, env=environment()
        )
    assert result.returncode == 74 and "stay in the queue" in result.stderr, result
    assert queues.figures("q") == (1, 0, 0)


def on_a_terminal(directory, arguments, answer):
    """Runs a command on a terminal of its own, answers its question, and returns the exit code and what the terminal showed."""
    process, terminal = pty.fork()
    if process == 0:
        os.execve(BINARY, [str(BINARY), "queue", *arguments, "--data", directory], environment())
    shown = b""
    answered = False
    while True:
        ready, _, _ = select.select([terminal], [], [], PATIENCE)
        assert ready, shown
        try:
            chunk = os.read(terminal, 4096)
        except OSError:
            chunk = b""
        if not chunk:
            break
        shown += chunk
        if not answered and b"[y/N]" in shown:
            os.write(terminal, answer.encode() + b"\n")
            answered = True
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), shown.decode()


def test_a_terminal_is_asked_before_something_is_lost(queues):
    queues.run("create", "dead")
    queues.run("create", "q", "--attribute", redrive_policy("dead"))
    for n in range(3):
        queues.run("send", "dead", str(n))
    code, shown = on_a_terminal(queues.directory, ["delete", "dead"], "n")
    assert code == 1 and "with 3 messages, where dead letters of q go?" in shown and queues.figures("dead") == (3, 0, 0)
    code, shown = on_a_terminal(queues.directory, ["purge", "dead"], "")
    assert code == 1 and "3 messages" in shown and queues.figures("dead") == (3, 0, 0)
    code, shown = on_a_terminal(queues.directory, ["trim", "dead", "--older-than", "0"], "y")
    assert code == 0 and "3 messages removed" in shown and queues.figures("dead") == (0, 0, 0)
    assert on_a_terminal(queues.directory, ["delete", "dead"], "yes")[0] == 0
    assert [one["queue"] for one in queues.json("list")] == ["q"]


def test_clients_of_a_gateway_see_what_commands_did_and_the_other_way_round(beside, sqs):
    queue = unique()
    url = sqs.create_queue(QueueName=queue, Attributes={"VisibilityTimeout": "60"})["QueueUrl"]
    assert beside.json("show", queue)["attributes"]["VisibilityTimeout"] == "60"
    sent = beside.json("send", queue, "from the command", "--attribute", "a=b")
    (message,) = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"])["Messages"]
    assert message["MessageId"] == sent["messageId"] and message["MessageAttributes"]["a"]["StringValue"] == "b"
    assert beside.figures(queue) == (0, 1, 0)
    sqs.send_message(QueueUrl=url, MessageBody="from a client")
    (received,) = beside.lines("receive", queue)
    assert received["body"] == "from a client"
    assert sqs.receive_message(QueueUrl=url).get("Messages") is None
    sqs.delete_message(QueueUrl=url, ReceiptHandle=received["receiptHandle"])
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    assert beside.run("receive", queue, "--delete") == "from the command\n"
    beside.run("set", queue, "--attribute", "DelaySeconds=7")
    assert sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["DelaySeconds"])["Attributes"]["DelaySeconds"] == "7"
    beside.run("delete", queue, "--yes")
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.send_message(QueueUrl=url, MessageBody="x")


def test_a_long_poll_of_a_gateway_notices_a_commands_send_and_the_other_way_round(beside, sqs):
    queue = unique()
    beside.run("create", queue)
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    got = []
    poll = threading.Thread(target=lambda: got.extend(sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20).get("Messages", [])))
    poll.start()
    beside.run("send", queue, "woken")
    poll.join(10)
    assert [message["Body"] for message in got] == ["woken"]
    process = subprocess.Popen(
        [BINARY, "queue", "receive", queue, "--wait", "20s", "--delete", "--data", beside.directory], stdout=subprocess.PIPE, text=True, env=environment()
    )
    sqs.send_message(QueueUrl=url, MessageBody="waited for")
    assert process.communicate(timeout=10)[0] == "waited for\n"


def test_commands_and_clients_share_a_queue_without_losing_or_doubling_a_message(beside, sqs):
    queue = unique()
    beside.run("create", queue)
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    seen, failures = [], []

    def client():
        try:
            while len(seen) < 400:
                messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", [])
                for message in messages:
                    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                    seen.append(message["Body"])
        except Exception as error:
            failures.append(error)

    thread = threading.Thread(target=client)
    thread.start()
    for batch in range(4):
        beside.run("send", queue, "--lines", text="".join(f"{batch}-{n}\n" for n in range(100)))
        seen.extend(one["body"] for one in beside.lines("receive", queue, "--count", "50", "--delete"))
    thread.join(PATIENCE)
    assert not failures and sorted(seen) == sorted(f"{batch}-{n}" for batch in range(4) for n in range(100))


def test_help_reads_well():
    result = subprocess.run([BINARY, "queue", "--help"], capture_output=True, text=True)
    commands = re.findall(r"^  ([a-z]+) ", result.stdout.split("SUBCOMMANDS:")[1], re.M)
    assert {"list", "show", "create", "set", "delete", "send", "receive", "depth", "peek", "redrive", "move", "purge", "trim"} <= set(commands)
    for command in commands:
        result = subprocess.run([BINARY, "queue", command, "--help"], capture_output=True, text=True)
        assert result.returncode == 0 and "--data" in result.stdout and len(result.stdout.splitlines()[0]) > 30
