"""What first users and operators ran into: nothing silent, nothing misleading."""

import base64
import json
import os
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
import time

import httpx
import pytest

from processes import BINARY, PATIENCE, Process, environment, eventually
from subscriber import Subscriber
from test_authorization import SECRET, token


def command(*arguments, user=None):
    return subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=PATIENCE, env=environment(), user=user)


def test_a_subscribe_that_fails_takes_nothing_from_one_that_overlaps_it_and_readiness_tells(sluice):
    sluice.start()
    with Subscriber(sluice.url()) as client:
        registry = sqlite3.connect(f"{sluice.directory}/registry.sqlite", isolation_level=None)
        registry.execute("BEGIN IMMEDIATE")
        client.send(action="subscribe", id="1", topics=["t", "u"])
        time.sleep(1)
        client.send(action="subscribe", id="2", topics=["t"])
        refused = client.next()
        assert (refused["type"], refused["id"]) == ("error", "1"), refused
        answer = httpx.get(sluice.gateway.address + "/readyz")
        assert answer.status_code == 503 and "locked" in answer.json()["checks"]["registry"], answer.text
        registry.execute("COMMIT")
        reply = client.next()
        assert (reply["type"], reply["id"]) == ("subscribed", "2"), reply
        sequence = sluice.publish("t", 1)
        assert client.expect("event")["sequence"] == sequence
    sluice.gateway.ready()


def test_whoever_holds_the_registrys_lock_holds_up_no_delivery(sluice):
    sluice.start()
    with Subscriber(sluice.url()) as client:
        client.subscribe("t")
        registry = sqlite3.connect(f"{sluice.directory}/registry.sqlite", isolation_level=None)
        registry.execute("BEGIN IMMEDIATE")
        # Longer than a publisher waits for its row's renewal.
        began, number = time.monotonic(), 0
        while time.monotonic() - began < 11:
            number += 1
            sent = time.monotonic()
            sluice.publish("t", number)
            assert client.expect("event")["data"] == number
            assert time.monotonic() - sent < 2
        assert httpx.get(sluice.publisher.address + "/readyz").status_code == 503
        registry.execute("COMMIT")
        sluice.publisher.ready()


def test_keys_of_an_authorizer_that_is_not_chosen_are_refused(tmp_path):
    for flags, names in [
        (["--jwt-secret", SECRET], ["--jwt-secret", "--authorizer jwt"]),
        (["--webhook-url", "http://127.0.0.1:1/"], ["--webhook-url", "--authorizer webhook"]),
        (["--authorizer", "webhook", "--webhook-url", "http://127.0.0.1:1/", "--jwks-file", "keys"], ["--jwks-file", "--authorizer jwt"]),
    ]:
        result = command("gateway", "--data", str(tmp_path), "--port", "0", *flags)
        assert result.returncode == 78 and all(name in result.stderr for name in names), result.stderr


def test_a_proxys_own_authorization_does_not_hide_the_token(sluice):
    gateway = sluice.start_gateway("--authorizer", "jwt", "--jwt-secret", SECRET)
    value = token(SECRET, publish=["#"], subscribe=["#"])
    for method, path in [("POST", "/topics/a"), ("GET", "/topics/a")]:
        answer = httpx.request(method, f"{gateway.address}{path}?token={value}", auth=("proxy", "secret"), json=1 if method == "POST" else None)
        assert answer.status_code in (200, 202), answer.text


def test_base64_whose_last_bits_stand_for_nothing_is_refused(sluice):
    gateway = sluice.start_gateway()
    for data, status in [("QUJDRA==", 202), ("QUJDRB==", 400), ("QUI=", 202), ("QUJ=", 400)]:
        record = {"topic": "t", "contentType": "application/octet-stream", "encoding": "base64", "data": data}
        answer = httpx.post(f"{gateway.address}/topics", json={"records": [record]})
        assert answer.status_code == status, (data, answer.text)
    records = httpx.get(f"{gateway.address}/topics/t/records").json()["records"]
    assert [base64.b64decode(record["data"]) for record in records] == [b"ABCD", b"AB"]


def test_secrets_are_in_no_log_line_and_the_address_is_one(sluice):
    secret = "correct-horse-battery-staple-0123456789-abc"
    sluice.start_gateway("--link-secret", secret, "--log-level", "trace").ready()
    sluice.start_publisher("--link-secret", secret, "--log-level", "trace").ready()
    with Subscriber(sluice.url("?topic=t")) as client:
        client.expect("subscribed")
        sluice.publish("t", 1)
        client.expect("event")
        local = client.socket.socket.getsockname()
        connections = eventually(lambda: sluice.command("connections")["connections"], what="the connection's row")
        assert connections[0]["remoteAddress"] == f"127.0.0.1:{local[1]}"
    sluice.publisher.terminate()
    sluice.gateway.terminate()
    for process in (sluice.gateway, sluice.publisher):
        text = "\n".join(process.log)
        assert len(process.log) > 3 and secret not in text and "Optional(" not in text


def test_a_hangup_ends_nothing_and_a_drain_is_logged(sluice):
    sluice.start()
    for process in (sluice.gateway, sluice.publisher):
        process.process.send_signal(signal.SIGHUP)
        assert httpx.get(process.address + "/healthz").status_code == 200
        assert process.terminate() == 0
    assert any("draining" in line for line in sluice.gateway.log) and any("drained" in line for line in sluice.gateway.log)


def test_the_last_line_is_json_where_the_log_is(sluice, tmp_path):
    first = sluice.start_gateway()
    result = command("gateway", "--data", str(tmp_path), "--port", str(first.port), "--log-format", "json")
    assert result.returncode == 69
    lines = [json.loads(line) for line in result.stderr.splitlines()]
    assert lines[-1]["level"] == "critical" and str(first.port) in lines[-1]["message"] and lines[-1]["exitCode"] == "69"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_what_may_not_be_read_is_not_called_missing(sluice):
    sluice.start()
    sluice.publish("t", 1)
    for arguments in (["connections"], ["queue", "depth"]):
        result = command(*arguments, "--data", sluice.directory, user="nobody")
        assert result.returncode != 0 and "as the user whose data directory it is" in result.stderr, result.stderr
        assert "Start a gateway" not in result.stderr


def test_a_queue_that_nobody_reads_is_not_shown(sluice):
    sluice.semantics = "stream"
    sluice.start()
    sluice.publish("t", 1)
    eventually(lambda: sluice.command("queue", "depth")["visible"] == 0, what="an empty queue")
    result = command("queue", "depth", "--data", sluice.directory, "--queue", "sqs")
    assert result.returncode == 66 and "they use stream" in result.stderr and "--queue stream" in result.stderr
    result = command("queue", "depth", "--data", sluice.directory, "--json")
    assert json.loads(result.stdout)["queue"] == "stream"


def test_a_log_reader_that_stands_still_stops_nobody_and_hears_what_was_left_out(sluice):
    """Standard error is a pipe that is full from the beginning: the first line would block for ever."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with pytest.raises(BlockingIOError):
        while True:
            os.write(writer, b"x" * 4096)
    os.set_blocking(writer, True)
    process = subprocess.Popen(
        [BINARY, "gateway", "--data", sluice.directory, "--port", "0", "--log-level", "debug", "--log-format", "json"],
        stdout=subprocess.PIPE, stderr=writer, text=True, env=environment(),
    )
    os.close(writer)
    try:
        address = process.stdout.readline().split()[1]
        with httpx.Client(timeout=PATIENCE) as client:
            for number in range(20):
                assert client.post(f"{address}/topics/t", json=number).status_code == 202
            assert client.get(f"{address}/readyz").status_code == 200
        with Subscriber(f"ws{address[4:]}/ws?topic=t") as subscriber:
            subscriber.expect("subscribed")
            subscriber.quiet()
        process.send_signal(signal.SIGTERM)
        with os.fdopen(reader, "rb") as log:
            lines = log.read().lstrip(b"x").splitlines()
        assert process.wait(PATIENCE) == 0
        assert any(json.loads(line)["message"] == "drained" for line in lines)
    finally:
        process.kill()
        process.wait(PATIENCE)


def test_a_gateway_that_stood_still_throws_out_nobody_whom_it_did_not_ask(sluice):
    gateway = sluice.start_gateway("--ping-interval", "1s", "--idle-timeout", "3s").ready()
    with Subscriber(sluice.url("?topic=t")) as client:
        client.expect("subscribed")
        os.kill(gateway.process.pid, signal.SIGSTOP)
        time.sleep(5)
        os.kill(gateway.process.pid, signal.SIGCONT)
        # Long enough for every look at the clock that would have ended it.
        for _ in range(10):
            time.sleep(0.2)
            client.quiet()


def test_a_grant_is_kept_for_its_token_alone_also_beside_a_proxys_own_authorization(sluice):
    gateway = sluice.start_gateway("--authorizer", "jwt", "--jwt-secret", SECRET)
    value = token(SECRET, publish=["#"], subscribe=["#"])
    with httpx.Client(base_url=gateway.address, auth=("proxy", "secret")) as client:
        assert client.post(f"/topics/a?token={value}", json=1).status_code == 202
        assert client.post("/topics/a", json=1).status_code == 401
        assert client.post("/topics/a?token=other", json=1).status_code == 401
        assert client.get("/topics/a").status_code == 401
        assert client.get(f"/topics/a?token={value}").status_code == 200


@pytest.mark.parametrize("length", ["10000000000000000000", "18446744073709551615"])
@pytest.mark.parametrize("line", ["PUT /tables/t/items/k", "POST /topics/t", "GET /ws"])
def test_a_length_beyond_every_number_is_refused(running, line, length):
    with socket.create_connection(("127.0.0.1", running.gateway.port), timeout=PATIENCE) as client:
        client.sendall(f"{line} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\r\n".encode())
        head = client.recv(4096).decode()
        assert head.split()[1] in ("400", "413"), head


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a PID namespace")
def test_two_pid_namespaces_over_one_directory_are_refused_with_the_cause(sluice):
    """Gateway and publisher in containers of their own, where each has the number 1."""
    namespace = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    gateway = subprocess.Popen(
        [*namespace, BINARY, "gateway", "--data", sluice.directory, "--port", "0"], stdout=subprocess.PIPE, text=True, env=environment(),
    )
    try:
        assert gateway.stdout.readline().startswith("listening ")
        result = subprocess.run(
            [*namespace, BINARY, "publisher", "--data", sluice.directory], capture_output=True, text=True, timeout=PATIENCE, env=environment(),
        )
        assert result.returncode == 73
        assert "share one PID namespace" in result.stderr and "sluice up" in result.stderr and "may write" not in result.stderr
        # In the gateway's namespace it works, as with one namespace for both containers.
        inside = subprocess.check_output(["pgrep", "-P", str(gateway.pid)], text=True).split()[0]
        publisher = subprocess.Popen(
            ["nsenter", "--target", inside, "--pid", BINARY, "publisher", "--data", sluice.directory],
            stdout=subprocess.PIPE, text=True, env=environment(),
        )
        assert publisher.stdout.readline().startswith("listening ")
        publisher.kill()
        publisher.wait(PATIENCE)
    finally:
        gateway.kill()
        gateway.wait(PATIENCE)


def test_an_emptied_run_directory_is_filled_again(sluice):
    sluice.start()
    with Subscriber(sluice.url()) as client:
        client.subscribe("t")
        shutil.rmtree(f"{sluice.directory}/run")
        # Who is connected goes on, a publisher that comes later finds the gateway, and is rung.
        assert sluice.publish("t", 1) and client.expect("event")["data"] == 1
        eventually(lambda: any("listening again" in line for line in sluice.gateway.log), what="the link's new socket")
        eventually(lambda: any("doorbell's socket was removed" in line for line in sluice.publisher.log), what="the bell's new socket")
        assert sorted(name.rsplit(".")[-1] for name in os.listdir(f"{sluice.directory}/run")) == ["bell", "gateway", "owner", "sock"]
        sluice.publisher.kill()
        sluice.start_publisher().ready()
        assert sluice.publish("t", 2) and client.expect("event")["data"] == 2
    second = command("gateway", *sluice.common(), "--port", "0")
    assert second.returncode != 0 and "Another gateway named" in second.stderr, second.stderr


@pytest.mark.parametrize("replaced", [False, True], ids=["removed", "replaced"])
def test_nothing_is_accepted_into_a_data_directory_that_is_gone(sluice, replaced):
    sluice.start()
    sluice.publish("t", 1)
    if replaced:
        shutil.copytree(sluice.directory, sluice.directory + "-copy", ignore=shutil.ignore_patterns("*.sock", "*.bell"))
        os.rename(sluice.directory, sluice.directory + "-old")
        os.rename(sluice.directory + "-copy", sluice.directory)
    else:
        shutil.rmtree(sluice.directory)
    answer = httpx.post(sluice.gateway.address + "/topics/t", json=2)
    assert answer.status_code == 500 and answer.json()["error"]["code"] == "StorageFailed", answer.text
    assert "removed or replaced" in answer.json()["error"]["message"], answer.text
    for process in (sluice.gateway, sluice.publisher):
        eventually(lambda: httpx.get(process.address + "/readyz").status_code == 503, what="a process that isn't ready")
    assert "removed or replaced" in httpx.get(sluice.gateway.address + "/readyz").json()["checks"]["log"]
    if replaced:
        shutil.rmtree(sluice.directory)
        os.rename(sluice.directory + "-old", sluice.directory)
        sluice.gateway.ready()
        sluice.publisher.ready()
        assert sluice.publish("t", 3) > 1


def test_the_access_log_is_off_and_tells_who_did_what_when_it_is_on(sluice):
    quiet = sluice.start_gateway("--name", "quiet")
    gateway = sluice.start_gateway("--access-log", "2", "--log-format", "json", "--authorizer", "jwt", "--jwt-secret", SECRET)
    value = token(SECRET, sub="ann", publish=["t"], subscribe=["#"])
    assert httpx.post(quiet.address + "/topics/t", json=1).status_code == 202
    with httpx.Client(headers={"Authorization": f"Bearer {value}"}) as client:
        for number in range(4):
            assert client.post(gateway.address + "/topics/t", json=number).status_code == 202
        assert client.post(gateway.address + "/topics/secret", json="payload-that-nobody-logs").status_code == 403
        assert client.get(gateway.address + "/nowhere").status_code == 404
    with Subscriber(sluice.url(f"?token={value}")) as client:
        client.subscribe("t", "u")
    def lines():
        return [json.loads(line) for line in gateway.log if '"access: ' in line]
    eventually(lambda: any(line["message"] == "access: subscribe" for line in lines()), what="the subscribe's line")
    kinds = [line["message"].removeprefix("access: ") for line in lines()]
    assert sorted(kinds) == ["connect", "publish", "publish", "refusal", "subscribe"], kinds
    publish = next(line for line in lines() if line["message"] == "access: publish")
    assert (publish["topic"], publish["principal"], publish["bytes"]) == ("t", "ann", "1"), publish
    assert publish["address"].startswith("127.0.0.1"), publish
    refusal = next(line for line in lines() if line["message"] == "access: refusal")
    assert refusal["code"] == "Forbidden", refusal
    assert not any("access: " in line for line in quiet.log)
    assert not any(value in line or "payload-that" in line for line in gateway.log)


def test_a_killed_process_is_not_listed_as_running_and_queues_are_those_of_who_runs(sluice):
    sluice.start()
    sluice.publisher.terminate()
    sluice.semantics = "stream"
    sluice.start_publisher().ready()
    # The queue that was used before is nobody's any more.
    result = command("queue", "depth", "--data", sluice.directory, "--queue", "sqs")
    assert result.returncode == 66 and "they use stream" in result.stderr, result.stderr
    listed = sluice.command("connections")
    assert [row["state"] for row in listed["gateways"] + listed["publishers"]] == ["running", "running"]
    assert listed["publishers"][0]["queue"] == "stream"
    sluice.publisher.kill()
    assert sluice.command("connections")["publishers"][0]["state"] == "gone"
    assert sluice.command("connections")["gateways"][0]["state"] == "running"


def processor_seconds(process):
    fields = open(f"/proc/{process.process.pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_gateway_without_descriptors_says_so_and_waits_instead_of_spinning(sluice):
    gateway = sluice.start_gateway()
    open_ones = len(os.listdir(f"/proc/{gateway.process.pid}/fd"))
    resource.prlimit(gateway.process.pid, resource.RLIMIT_NOFILE, (open_ones + 8, open_ones + 8))
    clients = [socket.create_connection(("127.0.0.1", gateway.port)) for _ in range(40)]
    eventually(lambda: any("descriptor" in line for line in gateway.log), what="a word in the log")
    before, began = processor_seconds(gateway), time.monotonic()
    eventually(lambda: time.monotonic() - began > 2, what="two seconds")
    assert processor_seconds(gateway) - before < 0.5 * (time.monotonic() - began)
    for client in clients:
        client.close()
    eventually(lambda: httpx.get(gateway.address + "/healthz", timeout=PATIENCE).status_code == 200, what="connections again")


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small file system")
def test_a_full_disk_is_said_to_be_full_also_when_a_write_comes_out_short(sluice):
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", sluice.directory], capture_output=True, text=True)
    if mount.returncode != 0:
        pytest.skip(mount.stderr)
    try:
        gateway = sluice.start_gateway("--log-map-size", "64MiB")
        with httpx.Client(timeout=PATIENCE) as client:
            answers = []
            # Sizes that leave odd rests, so that some write is cut in the middle.
            while len(answers) < 500 and sum(answer.status_code != 202 for answer in answers) < 20:
                body = json.dumps("x" * (7_001 * (1 + len(answers) % 9)))
                answers.append(client.post(gateway.address + "/topics/t", content=body, headers={"Content-Type": "application/json"}))
            refused = [answer for answer in answers if answer.status_code != 202]
            assert len(refused) >= 20 and len(answers) > len(refused)
            for answer in refused:
                assert (answer.status_code, answer.json()["error"]["code"]) == (503, "QueueFull"), answer.text
                assert answer.headers["retry-after"] == "5"
            assert client.get(gateway.address + "/healthz").status_code == 200
            assert client.get(gateway.address + "/topics/t/records?limit=1").json()["records"]
    finally:
        for process in sluice.processes:
            process.kill()
        subprocess.run(["umount", "-l", sluice.directory], check=True)


def test_a_gateway_says_that_it_trims_what_nobody_has_delivered(sluice):
    sluice.start("--retention-age", "1s")
    sluice.publish("t", 1)
    # Its checkpoint is on disk when it has ended.
    sluice.publisher.terminate()
    with httpx.Client(timeout=PATIENCE) as client:
        for number in range(50):
            client.post(sluice.gateway.address + "/topics/t", json=number)
    eventually(lambda: any("trimmed records that no queue had delivered" in line for line in sluice.gateway.log), what="a warning")
