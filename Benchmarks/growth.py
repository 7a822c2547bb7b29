"""What something costs when there is ten times as much of it: one function a curve, one call a point.

Each starts Sluice afresh, makes the work, and returns the point's figures as a JSON object; bars.py says which points there are and what holds.
"""

import asyncio
import base64
import http.client
import json
import os
import pathlib
import subprocess
import threading
import time

import generator
import servers

MIB = 1 << 20


def written_bytes(pid: int) -> int:
    """What the process has had written to disks (`write_bytes` of proc_pid_io(5))."""
    lines = pathlib.Path(f"/proc/{pid}/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes"))


def resident_bytes(pid: int) -> int:
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def depth(server: servers.Server) -> dict:
    command = [servers.SLUICE, "queue", "depth", "--data", f"{server.directory}/data", "--queue", server.queue, "--json"]
    return json.loads(subprocess.check_output(command, text=True))


def percentile(values: list, share: float) -> float | None:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else None


def publish_batch(connection: http.client.HTTPConnection, topics: list[str], data: str = "1") -> None:
    """One record a topic, all in one commit."""
    records = ",".join(f'{{"topic":"{topic}","data":{data}}}' for topic in topics)
    connection.request("POST", "/topics", f'{{"records":[{records}]}}', {"Content-Type": "application/json"})
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 202:
        raise OSError(f"a batch was answered {answer.status}: {body[:200]!r}")


def make_topics(server: servers.Server, count: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    for first in range(0, count, 1000):
        publish_batch(connection, [f"grown/{number}" for number in range(first, min(count, first + 1000))])
    connection.close()


# MARK: Retention


def retention(port: int, topics: int, limit: str | None, seconds: float) -> dict:
    """256 publishes in flight over so many topics, with a limit of the log's size or without."""
    flags = ("--retention-bytes", limit) if limit else ()
    with servers.Sluice("sluice", port, flags=flags) as server:
        words = ["publish", "--in-flight", 256, "--publishers", 16, "--topics", topics, "--warm-up", 2, "--seconds", seconds]
        running = generator.start(server, words, "sluice")
        return finish_with_log_size(server, running, seconds)


def finish_with_log_size(server: servers.Server, running: subprocess.Popen, seconds: float) -> dict:
    """Looks at the log's size each second until the load has ended; the largest of the second half is what counts."""
    sizes = []
    while running.poll() is None and len(sizes) < 10 * seconds:
        time.sleep(1)
        sizes.append(depth(server)["logBytes"])
    result = generator.finish(running, 60)
    result["logMiB"] = max(sizes[len(sizes) // 2:], default=0) / MIB
    result["appendedMiB"] = result.get("published", 0) * 256 / MIB
    return result


def retention_of_batches(port: int, batches: int, limit: str | None, seconds: float) -> dict:
    """So many batches of 1,000 records in flight, each on a connection of its own."""
    flags = ("--retention-bytes", limit) if limit else ()
    records = [{"topic": f"t{number % 50}", "data": "x" * 80} for number in range(1000)]
    body = json.dumps({"records": records}).encode()
    head = f"POST /topics HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    request = head.encode() + body
    latencies: list[float] = []
    sizes: list[int] = []

    async def publish(end: float) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        while time.monotonic() < end:
            began = time.monotonic()
            writer.write(request)
            answer = await reader.readuntil(b"\r\n\r\n")
            if b" 202 " not in answer.split(b"\r\n", 1)[0]:
                raise OSError(answer.decode(errors="replace"))
            length = next(line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length"))
            await reader.readexactly(int(length.split(b":")[1]))
            latencies.append(time.monotonic() - began)
        writer.close()

    async def load() -> None:
        end = time.monotonic() + seconds
        publishing = [asyncio.create_task(publish(end)) for _ in range(batches)]
        while time.monotonic() < end - 1:
            await asyncio.sleep(1)
            sizes.append((await asyncio.to_thread(depth, server))["logBytes"])
        await asyncio.gather(*publishing)

    with servers.Sluice("sluice", port, flags=flags) as server:
        asyncio.run(load())
    return {
        "published": len(latencies) * 1000, "publishesPerSecond": len(latencies) * 1000 / seconds,
        "acknowledgement": {"p50": percentile(latencies, 0.5) * 1e6, "p99": percentile(latencies, 0.99) * 1e6},
        "logMiB": max(sizes[len(sizes) // 2:]) / MIB,
    }


# MARK: Many subscriptions at once


class SubscribeProbe(threading.Thread):
    """Somebody else's client: subscribes to one topic after the other, and notes how long each takes."""

    def __init__(self, port: int):
        super().__init__(daemon=True)
        self.port = port
        self.latencies: list[tuple[float, float]] = []
        self.failure: Exception | None = None
        self.ended = threading.Event()

    def run(self) -> None:
        try:
            asyncio.run(self.subscribe())
        except (OSError, EOFError, ValueError) as failure:
            self.failure = failure

    async def subscribe(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        key = base64.b64encode(os.urandom(16)).decode()
        writer.write(
            f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: sluice.v1\r\n\r\n".encode()
        )
        await reader.readuntil(b"\r\n\r\n")
        await self.message(reader, "connected")
        number = 0
        while not self.ended.is_set():
            number += 1
            payload = f'{{"action":"subscribe","id":"{number}","topics":["probe/{number % 900}/{number}"]}}'.encode()
            began = time.monotonic()
            writer.write(bytes([0x81, 0x80 | len(payload), 0, 0, 0, 0]) + payload)
            await self.message(reader, "subscribed")
            self.latencies.append((began, time.monotonic() - began))
            await asyncio.sleep(0.05)
            left = f'{{"action":"unsubscribe","id":"u{number}","topics":["probe/{number % 900}/{number}"]}}'.encode()
            writer.write(bytes([0x81, 0x80 | len(left), 0, 0, 0, 0]) + left)
            await self.message(reader, "unsubscribed")
        writer.close()

    @staticmethod
    async def message(reader: asyncio.StreamReader, kind: str) -> None:
        while True:
            head = await reader.readexactly(2)
            length = head[1] & 127
            if length == 126:
                length = int.from_bytes(await reader.readexactly(2))
            text = await reader.readexactly(length)
            if head[0] & 15 == 1:
                found = json.loads(text)["type"]
                if found == kind:
                    return
                if found == "error":
                    raise ValueError(text.decode())


def mass_subscribing(port: int, clients: int) -> dict:
    """So many clients with 100 topics each come, and go, while ten others get 20 events a second each and another subscribes now and then."""
    with servers.Sluice("sluice", port) as server:
        gateway, publisher = (process.pid for process in server.processes)
        seconds = 6 + clients / 500
        words = ["paced", "--connections", 10, "--topics", 10, "--rate", 200, "--warm-up", 1, "--seconds", seconds]
        others = generator.start(server, words, "sluice")
        probe = SubscribeProbe(port)
        probe.start()
        time.sleep(2)
        before = servers.cpu_seconds(gateway), servers.cpu_seconds(publisher)
        memory = resident_bytes(gateway), resident_bytes(publisher)
        began = time.monotonic()
        arrival = ["idle", "--connections", clients, "--topics", clients, "--first-topic", 1000, "--extra-topics", 99, "--seconds", 1]
        came = generator.finish(generator.start(server, arrival, "sluice"), 300)
        result = generator.finish(others, seconds + 60)
        ended = time.monotonic()
        probe.ended.set()
        probe.join(timeout=30)
        if probe.failure or "error" in came:
            return {"error": str(probe.failure or came["error"])}
        waits = [wait for at, wait in probe.latencies if began <= at <= ended]
        subscriptions = clients * 100
        result["arrivalSeconds"] = came["connectSeconds"]
        result["othersSubscribe"] = {"p50": percentile(waits, 0.5) * 1e6, "p99": percentile(waits, 0.99) * 1e6, "max": max(waits) * 1e6}
        result["gatewayCPUPerSubscription"] = (servers.cpu_seconds(gateway) - before[0]) * 1e6 / subscriptions
        result["publisherCPUPerSubscription"] = (servers.cpu_seconds(publisher) - before[1]) * 1e6 / subscriptions
        result["gatewayBytesPerSubscription"] = (resident_bytes(gateway) - memory[0]) / subscriptions
        result["publisherBytesPerSubscription"] = (resident_bytes(publisher) - memory[1]) / subscriptions
        return result


# MARK: History


def paging(port: int, records: int, limit: int = 100) -> dict:
    """A topic of so many records, read page by page."""
    with servers.Sluice("sluice", port) as server:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for _ in range(records // 1000):
            publish_batch(connection, ["paged"] * 1000, '"' + "x" * 180 + '"')
        before = servers.cpu_seconds(server.processes[0].pid)
        began = time.monotonic()
        after, found, slowest = 0, 0, 0.0
        while True:
            sent = time.monotonic()
            connection.request("GET", f"/topics/paged/records?after={after}&limit={limit}")
            page = json.loads(connection.getresponse().read())
            slowest = max(slowest, time.monotonic() - sent)
            found += len(page["records"])
            if "next" not in page or not page["records"]:
                break
            after = page["next"]
        took = time.monotonic() - began
        if found != records:
            return {"error": f"{found} of {records} records came back"}
        return {
            "microsecondsPerRecord": took * 1e6 / records, "slowestPageMicroseconds": slowest * 1e6,
            "cpuPerRecord": (servers.cpu_seconds(server.processes[0].pid) - before) * 1e6 / records,
        }


# MARK: Start and stop


def starting(port: int, topics: int) -> dict:
    """A gateway whose log has so many topics stops, starts, and is killed and started."""
    with servers.Sluice("sluice", port) as server:
        make_topics(server, topics)
        gateway = server.processes[0]
        began = time.monotonic()
        gateway.terminate()
        gateway.wait(timeout=60)
        stopped = time.monotonic() - began
        after_stop = start_again(server)
        server.processes[0].kill()
        server.processes[0].wait()
        return {"stopSeconds": stopped, **after_stop, "afterKill": start_again(server)}


def start_again(server: servers.Sluice) -> dict:
    """Until `/readyz` says so, and how long the first publish takes then."""
    began = time.monotonic()
    server.start_gateway(server.port)
    ready = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    publish_batch(connection, ["grown/1"])
    return {"readySeconds": ready - began, "firstPublishSeconds": time.monotonic() - ready}


# MARK: What the disk writes


def written(port: int, window: str, rate: int = 500) -> dict:
    """Small publishes, one by one and paced, with a commit window."""
    with servers.Sluice("sluice", port, flags=("--commit-window", window)) as server:
        pids = [process.pid for process in server.processes]
        before = sum(map(written_bytes, pids))
        words = ["paced", "--connections", 100, "--topics", 100, "--rate", rate, "--warm-up", 0, "--seconds", 8]
        result = generator.generate(server, words, "sluice")
        if result.get("published"):
            result["writtenPerPublish"] = (sum(map(written_bytes, pids)) - before) / result["published"]
        return result


# MARK: More processes


def processes(port: int, gateways: int, publishers: int, queue: str) -> dict:
    """The wide load with more publishers, or with gateways that get none of it, on the same log."""
    with servers.Sluice("sluice", port, queue=queue) as server:
        for number in range(1, publishers):
            server.start_publisher(port + 1 + number)
        for number in range(1, gateways):
            server.start_gateway(port + 5 + number)
        words = ["wide", "--connections", 1000, "--in-flight", 64, "--publishers", 8, "--seconds", 4, "--warm-up", 2]
        result = generator.generate(server, words, "sluice")
        if result.get("published"):
            result["cpuPerPublish"] = sum(result["serverCPUSeconds"]) * 1e6 / result["published"]
        return result


# MARK: Message queues


class QueueClient:
    """One connection that speaks SQS's API."""

    def __init__(self, port: int):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.url = ""

    def ask(self, action: str, **members) -> dict:
        headers = {
            "Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"AmazonSQS.{action}",
            # Which service is meant moto reads from here.
            "Authorization": "AWS4-HMAC-SHA256 Credential=any/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=any",
        }
        self.connection.request("POST", "/", json.dumps({"QueueUrl": self.url, **members}), headers)
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise OSError(f"{action} was answered {answer.status}: {body[:200]!r}")
        return json.loads(body)

    def receive(self, visibility: int) -> list:
        return self.ask("ReceiveMessage", MaxNumberOfMessages=10, VisibilityTimeout=visibility).get("Messages", [])


def fill_queue(server: servers.Sluice, queue: str, messages: int, groups: int = 0) -> None:
    """Beside the gateway, by the command, a line a message; with groups, batches of ten by the API, a group after the other."""
    if not groups:
        lines = ("x" * 200 + "\n") * 1000
        with subprocess.Popen(
            [servers.SLUICE, "queue", "send", queue, "--lines", "--data", f"{server.directory}/data"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        ) as command:
            for _ in range(messages // 1000):
                command.stdin.write(lines)
            command.stdin.write(("x" * 200 + "\n") * (messages % 1000))
            command.stdin.close()
            if command.wait() != 0:
                raise OSError(f"sluice queue send ended with {command.returncode}")
        return
    share = messages // 16

    def send(first: int) -> None:
        client = QueueClient(server.port)
        client.url = f"/{queue}"
        for start in range(first, first + share, 10):
            client.ask("SendMessageBatch", Entries=[
                {"Id": str(number), "MessageBody": "x" * 200, "MessageGroupId": f"g{(start + number) % groups}", "MessageDeduplicationId": f"d{start + number}"}
                for number in range(10)
            ])

    threads = [threading.Thread(target=send, args=(thread * share,)) for thread in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def tens(client: QueueClient, count: int, pid: int) -> dict:
    """Ten messages received and deleted, so often."""
    before, began, latencies = servers.cpu_seconds(pid), time.monotonic(), []
    for _ in range(count):
        asked = time.monotonic()
        found = client.receive(43_200)
        latencies.append(time.monotonic() - asked)
        if len(found) != 10:
            return {"error": f"{len(found)} of 10 messages came"}
        client.ask("DeleteMessageBatch", Entries=[{"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]} for number, message in enumerate(found)])
    took = time.monotonic() - began
    return {
        "receive": {"p50": percentile(latencies, 0.5) * 1e6, "p99": percentile(latencies, 0.99) * 1e6},
        "microsecondsPerTen": took * 1e6 / count, "cpuPerTen": (servers.cpu_seconds(pid) - before) * 1e6 / count,
    }


def message_queue(port: int, waiting: int = 0, in_flight: int = 0, groups: int = 0) -> dict:
    """Ten messages received and deleted, over and over, with so many others in the queue, or in so many groups of ten."""
    with servers.Sluice("sluice", port, flags=("--queue-api",)) as server:
        client = QueueClient(port)
        name = "measured.fifo" if groups else "measured"
        attributes = {"VisibilityTimeout": "43200", **({"FifoQueue": "true"} if groups else {})}
        client.url = client.ask("CreateQueue", QueueName=name, Attributes=attributes)["QueueUrl"]
        fill_queue(server, name, max(waiting + in_flight + 8000, groups * 10), groups)
        pid = server.processes[0].pid
        # Before it is measured, a process and its caches have worked.
        tens(client, 100, pid)
        for _ in range(in_flight // 10):
            client.receive(43_200)
        return tens(client, 500, pid)


def many_queues(port: int, queues: int) -> dict:
    """Sends of one message to one queue, with so many others that have messages."""
    with servers.Sluice("sluice", port, flags=("--queue-api",)) as server:
        client = QueueClient(port)
        for number in range(queues):
            client.url = client.ask("CreateQueue", QueueName=f"q{number}")["QueueUrl"]
            client.ask("SendMessage", MessageBody="x" * 200)
        pid, latencies = server.processes[0].pid, []
        for _ in range(200):
            client.ask("SendMessage", MessageBody="x" * 200)
        before = servers.cpu_seconds(pid)
        for _ in range(1000):
            asked = time.monotonic()
            client.ask("SendMessage", MessageBody="x" * 200)
            latencies.append(time.monotonic() - asked)
        return {"send": {"p50": percentile(latencies, 0.5) * 1e6, "p99": percentile(latencies, 0.99) * 1e6}, "cpuPerSend": (servers.cpu_seconds(pid) - before) * 1e3}


def queue_round_trips(port: int, server_name: str) -> dict:
    """Messages sent, received and deleted in tens over one connection: by Sluice on disk, by moto in memory."""
    with servers.queue_server(server_name, port) as server:
        client = QueueClient(port)
        client.url = client.ask("CreateQueue", QueueName="measured")["QueueUrl"]
        pid = server.processes[0].pid
        batch = [{"Id": str(number), "MessageBody": "x" * 200} for number in range(10)]
        before, began = servers.cpu_seconds(pid), time.monotonic()
        for _ in range(300):
            client.ask("SendMessageBatch", Entries=batch)
            found = client.receive(60)
            client.ask("DeleteMessageBatch", Entries=[{"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]} for number, message in enumerate(found)])
        took = time.monotonic() - began
        return {"messagesPerSecond": 3000 / took, "cpuPerMessage": (servers.cpu_seconds(pid) - before) * 1e6 / 3000}
