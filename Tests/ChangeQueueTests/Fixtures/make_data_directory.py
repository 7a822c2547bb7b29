"""Makes a data directory whose publishers were killed with records in flight, one consumer of each semantics, and packs it.

    make_data_directory.py BINARY OUTPUT.tar.gz

The archive beside this file was made by the build of f7a16b3, whose records are all of version 1. It isn't made again: the test that opens it
wants what that build wrote.
"""

import asyncio
import json
import pathlib
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.request

import websockets

BINARY, OUTPUT = sys.argv[1:]
DATA = pathlib.Path(tempfile.mkdtemp(prefix="sluice-fixture-"))
COMMON = ["--data", str(DATA), "--log-map-size", "2MiB"]


def start(part, *flags):
    process = subprocess.Popen([BINARY, part, *COMMON, *flags], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    for line in process.stdout:
        if line.startswith("listening "):
            return process, line.split()[1]
    raise SystemExit(f"{part} has ended")


def eventually(check):
    end = time.monotonic() + 30
    while not (answer := check()):
        if time.monotonic() > end:
            raise SystemExit("what was waited for did not come")
        time.sleep(0.02)
    return answer


def request(method, url, body=None, content_type="application/json"):
    headers = {"Content-Type": content_type}
    urllib.request.urlopen(urllib.request.Request(url, body, headers, method=method)).read()


def depth(queue):
    text = subprocess.run([BINARY, "queue", "depth", "--data", DATA, "--queue", queue, "--json"], capture_output=True, check=True).stdout
    return json.loads(text)


def figures(queue):
    return [depth(queue)[name] for name in ("visible", "inFlight", "delayed")]


async def main():
    gateway, address = start("gateway", "--port", "0")
    # Someone must be subscribed: records without subscribers are retired at once.
    socket = await websockets.connect(address.replace("http", "ws") + "/ws?topic=kept/1")
    while json.loads(await socket.recv())["type"] != "subscribed":
        pass
    for number in range(8):
        request("POST", f"{address}/topics/plain/{number % 3}", b'{"number":%d}' % number)
    request("POST", f"{address}/topics/plain/text", "Größe".encode(), "text/plain; charset=utf-8")
    request("POST", f"{address}/topics/plain/binary", bytes(range(256)), "application/octet-stream")
    request("PUT", f"{address}/tables/orders/items/42", b'{"state":"new"}')
    request("PUT", f"{address}/tables/orders/items/42", b'{"state":"paid"}')
    request("PUT", f"{address}/tables/orders/items/43", b'{"state":"new"}')
    request("DELETE", f"{address}/tables/orders/items/43")
    for queue in ("sqs", "sns", "stream"):
        publisher, _ = start("publisher", "--queue", queue, "--visibility-timeout", "1h")
        eventually(lambda: figures(queue) == [0, 0, 0])
        position = depth(queue)["lastSequence"]
        path = DATA / "consumers" / f"checkpoint-{queue}.json"
        eventually(lambda: path.exists() and json.loads(path.read_text())["retiredThrough"] == position)
        # The publisher finds five new records and a gateway that answers none of them.
        publisher.send_signal(signal.SIGSTOP)
        for number in range(5):
            request("POST", f"{address}/topics/kept/1", b'{"for":"%s","number":%d}' % (queue.encode(), number))
        gateway.send_signal(signal.SIGSTOP)
        publisher.send_signal(signal.SIGCONT)
        eventually(lambda: figures(queue) == [0, 5, 0])
        publisher.kill()
        publisher.wait()
        gateway.send_signal(signal.SIGCONT)
        print(queue, "retired through", position, "then", figures(queue))
    gateway.kill()
    gateway.wait()
    socket.transport.abort()
    with tarfile.open(OUTPUT, "w:gz") as archive:
        for path in sorted(DATA.rglob("*")):
            # Locks and sockets belong to processes that are gone.
            if path.is_file() and "run" not in path.relative_to(DATA).parts and not path.name.endswith(("lock", "lock.mdb", "-shm")):
                archive.add(path, path.relative_to(DATA))
                print(path.relative_to(DATA), path.stat().st_size)


asyncio.run(main())
