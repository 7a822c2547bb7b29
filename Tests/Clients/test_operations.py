"""What an operator sees and does: settings, figures, draining."""

import asyncio
import json
import re
import signal
import ssl
import subprocess
import threading
import time

import httpx
import pytest
from websockets.asyncio.client import connect

from certificates import Authority
from processes import BINARY, ROOT, Process, environment, eventually
from subscriber import Subscriber

pytestmark = pytest.mark.alone

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)?\}})? (-?[0-9.]+(?:e[+-]?[0-9]+)?|[+-]Inf|NaN)")


def exposition(text):
    """Parses the Prometheus text format 0.0.4 strictly: the samples by family, name and labels."""
    assert text.endswith("\n")
    families, family = {}, None
    samples = {}
    for line in text.splitlines():
        if found := re.fullmatch(rf"# HELP ({NAME}) (\S.*)", line):
            family = found[1]
            assert family not in families, f"{family} stands in two places"
            families[family] = None
        elif found := re.fullmatch(rf"# TYPE ({NAME}) (counter|gauge|summary|histogram|untyped)", line):
            if found[1] != family:
                assert found[1] not in families, f"{found[1]} stands in two places"
                family = found[1]
            families[family] = found[2]
        else:
            found = SAMPLE.fullmatch(line)
            assert found, f"not a sample: {line!r}"
            name, labels, value = found.groups()
            suffixes = {"summary": ("", "_sum", "_count"), "histogram": ("_bucket", "_sum", "_count")}.get(families[family], ("",))
            assert name in {family + suffix for suffix in suffixes}, f"{name} stands under {family}"
            assert families[family] != "counter" or name.endswith("_total")
            names = [label.split("=")[0] for label in re.findall(LABEL, labels or "")]
            assert len(names) == len(set(names))
            assert (name, labels) not in samples, f"{line!r} stands twice"
            samples[(name, labels)] = float(value)
    assert families and all(families.values())
    return samples


def test_metrics_are_prometheus_text(running):
    with Subscriber(running.url("?topic=measured")) as client:
        client.expect("subscribed")
        for n in range(3):
            running.publish("measured", n)
        client.events(3)
    wanted = {
        running.gateway: [("sluice_http_publishes_total", 'code="Accepted"'), ("sluice_events_written_total", None)],
        running.publisher: [("sluice_publisher_retired_records_total", None)],
    }
    for process, keys in wanted.items():
        answer = httpx.get(process.address + "/metrics")
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert any(name == "sluice_stage_seconds_count" for name, _ in exposition(answer.text))
        eventually(lambda: all(exposition(httpx.get(process.address + "/metrics").text)[key] >= 3 for key in keys))


def report(sluice, *arguments):
    """What a command prints for people."""
    result = subprocess.run([BINARY, *arguments, "--data", sluice.directory], capture_output=True, text=True, timeout=30, env=environment())
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_queue_is_shown_with_and_without_processes(sluice):
    sluice.start_gateway()
    for n in range(3):
        sluice.publish("waiting/a", n)
    sluice.publish("waiting/b", 0)
    for state in ("running", "ended"):
        depth = sluice.command("queue", "depth")
        assert list(depth)[:7] == ["queue", "visible", "inFlight", "delayed", "deadLettered", "oldestAgeSeconds", "logRecords"]
        assert (depth["queue"], depth["visible"], depth["logRecords"]) == ("sqs", 4, 4) and depth["oldestAgeSeconds"] > 0
        assert depth["logBytes"] > 0
        topics = sluice.command("queue", "depth", "--by-topic")["topics"]
        assert [(topic["topic"], topic["visible"]) for topic in topics] == [("waiting/a", 3), ("waiting/b", 1)]
        assert [record["sequence"] for record in sluice.command("queue", "peek", "--count", "2")] == [1, 2]
        assert sluice.command("queue", "oldest")["sequence"] == 1
        assert "waiting/a" in report(sluice, "queue", "depth", "--by-topic") and "waiting/a" in report(sluice, "queue", "peek")
        if state == "running":
            assert sluice.gateway.terminate() == 0
    sluice.start_publisher()
    eventually(lambda: sluice.command("queue", "depth")["visible"] == 0, what="an empty queue")
    assert sluice.command("queue", "peek") == [] and sluice.command("queue", "oldest") is None


def test_connections_are_listed(running):
    with Subscriber(running.url("?topic=listed/a&topic=listed/b")) as client:
        client.expect("subscribed")
        identifier = client.connected["connectionId"]

        def found():
            return [one for one in running.command("connections", "--topics")["connections"] if one["connectionId"] == identifier]

        (one,) = eventually(found, what="the connection")
        assert sorted(one["topics"]) == ["listed/a", "listed/b"]
        assert identifier in report(running, "connections")
    eventually(lambda: not found(), what="the end of the connection")


@pytest.mark.parametrize("command", [["latency"], ["queue", "depth", "--by-topic"], ["queue", "peek"], ["connections"]])
def test_watch_reports_again_until_stopped(running, command):
    running.publish("watched", 1)
    for form in ([], ["--json"]):
        process = subprocess.Popen(
            [BINARY, *command, "--data", running.directory, "--watch", *form],
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
            # A shell without job control has its background jobs ignore the signal, and they pass that on.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        lines = [process.stdout.readline() for _ in range(2 if form else 1)]
        if form:
            assert all(json.loads(line) is not None for line in lines)
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.wait(10) in (0, -signal.SIGINT, 130)


def test_record_of_another_log_has_no_times(running):
    sequence = running.publish("timed/elsewhere", 1)
    result = subprocess.run(
        [BINARY, "latency", "--record", f"00000000-{sequence}", "--data", running.directory], capture_output=True, text=True, env=environment()
    )
    assert result.returncode == 66 and f"00000000-{sequence}" in result.stderr, result


@pytest.mark.parametrize("command", [["queue", "depth"], ["queue", "peek"], ["latency"], ["connections"]])
def test_commands_need_a_data_directory(tmp_path, command):
    result = subprocess.run([BINARY, *command, "--data", tmp_path / "none"], capture_output=True, text=True, env=environment())
    assert result.returncode == 66 and str(tmp_path / "none") in result.stderr, result


def test_settings_come_from_flag_variable_and_file(tmp_path):
    file = tmp_path / "sluice.json"
    file.write_text(json.dumps({"data": str(tmp_path / "file"), "port": 0, "payloadBytes": "1KiB", "itemTopic": "file/{key}"}))

    def topic_and_limit(arguments, variables):
        process = Process(["gateway", *arguments], variables).started()
        try:
            topic = "flag/1 variable/1 file/1".split()
            httpx.put(process.address + "/tables/t/items/1", json=1)
            used = [name for name in topic if httpx.get(f"{process.address}/topics/{name}").json()["sequence"]]
            return used, httpx.post(process.address + "/topics/t", content=b"1" * 1_025).status_code
        finally:
            assert process.terminate() == 0

    config = ["--config", str(file)]
    assert topic_and_limit(config, {}) == (["file/1"], 413)
    assert topic_and_limit([], {"SLUICE_CONFIG": str(file), "SLUICE_ITEM_TOPIC": "variable/{key}", "SLUICE_DATA": str(tmp_path / "v")}) == (["variable/1"], 413)
    flags = [*config, "--item-topic", "flag/{key}", "--data", str(tmp_path / "flag"), "--payload-bytes", "2KiB"]
    assert topic_and_limit(flags, {"SLUICE_ITEM_TOPIC": "variable/{key}"}) == (["flag/1"], 202)
    assert (tmp_path / "file" / "log").is_dir() and (tmp_path / "v" / "log").is_dir() and (tmp_path / "flag" / "log").is_dir()


@pytest.mark.parametrize("content", ['{"port":"x"}', '{"prot":1}', "[]", None])
def test_faulty_configuration_file_is_named(tmp_path, content):
    file = tmp_path / "sluice.json"
    if content is not None:
        file.write_text(content)
    for command in (["gateway"], ["publisher"], ["queue", "depth"]):
        code, said = Process([*command, "--config", str(file)]).ended()
        assert code == 78 and str(file) in said, said


def test_version_and_help():
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", subprocess.run([BINARY, "--version"], capture_output=True, text=True).stdout)
    for command in ([], ["up"], ["gateway"], ["publisher"], ["queue"], ["queue", "depth"], ["queue", "peek"], ["latency"], ["connections"]):
        result = subprocess.run([BINARY, *command, "--help"], capture_output=True, text=True)
        assert result.returncode == 0 and "OVERVIEW" in result.stdout
        if command and command != ["queue"]:
            assert "--data" in result.stdout and "--queue" in result.stdout
        if command[:1] in (["queue"], ["latency"], ["connections"]) and command != ["queue"]:
            assert "--json" in result.stdout


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_up_runs_both_and_a_signal_drains_them(tmp_path, stop):
    up = Process(["up", "--data", str(tmp_path / "data"), "--port", "0", "--drain-window", "100ms"])
    try:
        address = eventually(lambda: next((found[1] for line in up.log if (found := re.search(r"^ +(http://127\.0\.0\.1:\d+)/$", line))), None))
        eventually(lambda: httpx.get(address + "/readyz").status_code == 200)
        with Subscriber(address.replace("http", "ws") + "/ws?topic=t") as client:
            client.expect("subscribed")
            assert httpx.post(address + "/topics/t", json=1).status_code == 202
            client.expect("event")
            up.process.send_signal(stop)
            with pytest.raises(Exception):
                client.next()
            assert client.socket.close_code == 1001
        code, said = up.ended()
        assert code == 0, said
    finally:
        if up.process.poll() is None:
            up.kill()


def test_drain_spreads_a_thousand_goodbyes_and_answers_what_it_accepted(sluice):
    window = 2.0
    sluice.start_gateway("--drain-window", "2s")
    sluice.start_publisher()
    sluice.gateway.ready()
    count = 1_000
    accepted, stop = [], threading.Event()

    def publish():
        with httpx.Client(base_url=sluice.gateway.address, timeout=30) as http:
            while not stop.is_set():
                try:
                    answer = http.post("/topics/drained", json=1)
                except httpx.TransportError:
                    # Refused, or the idle connection was closed under the request: not accepted, as far as the client knows.
                    return
                if answer.status_code != 202:
                    assert answer.status_code == 503 and answer.json()["error"]["code"] == "ShuttingDown"
                    return
                accepted.append(answer.json()["sequence"])

    async def client(gate, ends):
        async with gate:
            socket = await connect(sluice.url("?topic=t"), open_timeout=60, compression=None)
            await socket.recv()
            await socket.recv()

        async def wait():
            await socket.wait_closed()
            ends.append((time.monotonic(), socket.close_code))

        return asyncio.create_task(wait())

    async def run():
        gate, ends = asyncio.Semaphore(50), []
        waits = await asyncio.gather(*(client(gate, ends) for _ in range(count)))
        publishers = [threading.Thread(target=publish) for _ in range(4)]
        for thread in publishers:
            thread.start()
        await asyncio.to_thread(eventually, lambda: len(accepted) > 20)
        began = time.monotonic()
        sluice.gateway.process.send_signal(signal.SIGTERM)
        await asyncio.gather(*waits)
        stop.set()
        for thread in publishers:
            await asyncio.to_thread(thread.join)
        assert await asyncio.to_thread(sluice.gateway.process.wait, 30) == 0
        return sorted((at - began, code) for at, code in ends)

    ends = asyncio.run(run())
    assert {code for _, code in ends} == {1001}
    # Not at once: each quarter of the window has its share.
    for quarter in range(4):
        share = sum(quarter * window / 4 <= at < (quarter + 1) * window / 4 for at, _ in ends)
        assert share > count / 8, [at for at, _ in ends][:: count // 20]
    # What was answered is stored.
    sluice.start_gateway()
    assert httpx.get(sluice.gateway.address + "/topics/drained").json()["sequence"] >= max(accepted)


def test_metrics_say_what_they_mean_and_show_process_queue_and_clients(sluice):
    sluice.start()
    sluice.publisher.kill()
    with Subscriber(sluice.url("?topic=a&topic=b")) as client:
        client.expect("subscribed")
        httpx.put(f"{sluice.gateway.address}/tables/t/items/k", json=1).raise_for_status()
        for number in range(3):
            sluice.publish("a", number)
        sluice.start_publisher().ready()
        gateway = lambda: exposition(httpx.get(sluice.gateway.address + "/metrics").text)
        publisher = lambda: exposition(httpx.get(sluice.publisher.address + "/metrics").text)
        eventually(lambda: gateway()[("sluice_subscriptions", None)] == 2, what="two subscriptions")
        samples = gateway()
        commits = 'stage="commit",queue="sqs"'
        assert samples[("sluice_stage_seconds_count", commits)] == samples[("sluice_stage_seconds_bucket", commits + ',le="+Inf"')] == 4
        assert samples[("sluice_build_info", 'version="0.2.0"')] == 1
        assert any(name == "sluice_log_epoch_info" for name, _ in samples)
        for name in ("process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds", "process_max_fds", "process_start_time_seconds"):
            assert samples[(name, None)] > 0
        assert abs(samples[("process_start_time_seconds", None)] - time.time()) < 600
        for state in ("visible", "in_flight", "delayed"):
            assert publisher()[("sluice_queue_records", f'queue="sqs",state="{state}"')] >= 0
        assert publisher()[("sluice_log_map_used_bytes", None)] > 0
    closed = ("sluice_websocket_closes_total", 'by="client",code="1000"')
    eventually(lambda: gateway()[closed] == 1, what="the client's close")
    broken = Subscriber(sluice.url())
    broken.socket.socket.shutdown(2)
    eventually(lambda: gateway()[("sluice_websocket_closes_total", 'by="client",code="1006"')] == 1, what="the broken connection")
    for process in (sluice.gateway, sluice.publisher):
        for line in httpx.get(process.address + "/metrics").text.splitlines():
            if line.startswith("# HELP sluice_"):
                name, text = line[7:].split(" ", 1)
                assert text.endswith(".") and text != name.replace("_", " "), line


def test_latency_of_now_stands_beside_the_whole_life(running):
    for number in range(3):
        running.publish("now", number)
    stages = {stage["stage"]: stage for stage in json.loads(report(running, "latency", "--json"))}
    commit = stages["commit"]
    assert set(commit["windows"]) == {"10s", "1m", "5m"} and commit["windows"]["5m"]["count"] >= 3
    head = report(running, "latency").splitlines()[0]
    assert "P99 10s" in head and "P99 5m" in head and "MAX" in head
    body = httpx.get(running.gateway.address + "/latency").json()
    assert [window["seconds"] for window in body["windows"]] == [10, 60, 300]


def test_every_metric_that_the_documentation_names_exists(sluice, tmp_path):
    sluice.start("--queue-api")
    target = {"X-Amz-Target": "AmazonSQS.CreateQueue", "Content-Type": "application/x-amz-json-1.0"}
    httpx.post(sluice.gateway.address + "/", headers=target, content='{"QueueName":"q"}').raise_for_status()
    asking = sluice._start(
        ["gateway", *sluice.common(), "--name", "asking", "--port", "0", "--authorizer", "webhook", "--webhook-url", "http://127.0.0.1:1/"]
    )
    authority = Authority(tmp_path)
    certificate, key = authority.issue("localhost", ["IP:127.0.0.1"])
    secure = sluice._start(
        [
            "gateway", *sluice.common(), "--name", "secure", "--port", "0", "--tls-certificate", str(certificate), "--tls-key", str(key),
            "--authorizer", "jwt", "--jwks-url", "http://127.0.0.1:1/",
            "--trusted-proxies", "10.0.0.0/8", "--proxy-protocol",
        ]
    )
    trust = ssl.create_default_context(cafile=str(authority.file))
    named = set(re.findall(r"`(sluice_[a-z_]+)`", (ROOT / "docs/operations.md").read_text()))
    assert len(named) > 30
    # A stage is shown once it was measured.
    sluice.publish("t", 1)

    def missing():
        processes = (sluice.gateway, sluice.publisher, asking, secure)
        shown = "".join(httpx.get(process.address + "/metrics", verify=trust).text for process in processes)
        return {name for name in named if name not in shown}

    eventually(lambda: not missing(), what=f"the metrics {missing()}")
