"""Compressed messages of WebSockets (RFC 7692) and compressed server-sent events, by real clients and by hand-made bytes."""

import asyncio
import base64
import json
import os
import random
import shutil
import socket
import struct
import subprocess
import zlib

import aiohttp
import httpx
import pytest
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.sync.client import connect

from subscriber import Subscriber

TAIL = b"\x00\x00\xff\xff"


def document(size, seed=0):
    """JSON as applications have it, of about so many bytes."""
    source = random.Random(seed)
    items = []
    while len(json.dumps(items)) < size:
        items.append({"id": source.randrange(10**5), "name": f"product {source.randrange(500)}", "isThere": source.random() < 0.5})
    return items


def deflated(data, bits=15, level=6):
    compressor = zlib.compressobj(level, zlib.DEFLATED, -bits)
    return (compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH)).removesuffix(TAIL)


def inflated(data, bits=15):
    return zlib.decompressobj(-bits).decompress(data + TAIL)


def metric(sluice, name):
    lines = httpx.get(f"{sluice.gateway.address}/metrics").text.splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name) and not line.startswith("#"))


class Raw:
    """A client that makes its frames by hand."""

    def __init__(self, sluice, path="/echo", offer="permessage-deflate"):
        self.socket = socket.create_connection(("127.0.0.1", sluice.gateway.port), timeout=20)
        key = base64.b64encode(os.urandom(16)).decode()
        extensions = f"Sec-WebSocket-Extensions: {offer}\r\n" if offer is not None else ""
        self.socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{sluice.gateway.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n{extensions}\r\n".encode()
        )
        self.rest = b""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.read(1)
        lines = head.decode().split("\r\n")
        assert " 101 " in lines[0], lines[0]
        fields = [line.split(": ", 1) for line in lines[1:] if line]
        self.extensions = [value for name, value in fields if name.lower() == "sec-websocket-extensions"]

    def read(self, count):
        while len(self.rest) < count:
            data = self.socket.recv(1 << 16)
            assert data, "the connection has ended"
            self.rest += data
        data, self.rest = self.rest[:count], self.rest[count:]
        return data

    def send(self, opcode, payload, final=True, rsv=0):
        mask = os.urandom(4)
        size = len(payload)
        length = bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack(">H", size) if size < 65536 else b"\xff" + struct.pack(">Q", size)
        masked = (int.from_bytes(payload, "big") ^ int.from_bytes((mask * (size // 4 + 1))[:size], "big")).to_bytes(size, "big")
        self.socket.sendall(bytes([(0x80 if final else 0) | rsv << 4 | opcode]) + length + mask + masked)

    def frame(self):
        """The first byte and the payload of the next frame."""
        first, length = self.read(2)
        if length == 126:
            (length,) = struct.unpack(">H", self.read(2))
        elif length == 127:
            (length,) = struct.unpack(">Q", self.read(8))
        return first, self.read(length)

    def message(self, bits=15):
        first, payload = self.frame()
        assert first & 0xB0 == 0x80
        return inflated(payload, bits) if first & 0x40 else payload

    def close_code(self):
        while True:
            first, payload = self.frame()
            if first & 0xF == 8:
                return struct.unpack(">H", payload[:2])[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


AGREED = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"


@pytest.mark.parametrize(
    "offer, answer",
    [
        (None, []),
        ("permessage-deflate", [AGREED]),
        ("permessage-deflate; client_max_window_bits", [AGREED]),
        ("permessage-deflate; server_max_window_bits=12", [AGREED + "; server_max_window_bits=12"]),
        ("permessage-deflate; server_max_window_bits=8", []),
        ("permessage-deflate; server_max_window_bits=8, permessage-deflate", [AGREED]),
        ("permessage-deflate; unknown, x-webkit-deflate-frame", []),
        ("permessage-deflate; server_no_context_takeover; server_no_context_takeover", []),
        (", ,;;=\"", []),
    ],
)
def test_what_is_offered_is_answered(running, offer, answer):
    for path in ("/echo", "/ws?topic=offer"):
        with Raw(running, path, offer) as raw:
            assert raw.extensions == answer


# As Autobahn's sections 12 and 13: sizes, and what may be asked for.
SIZES = [16, 64, 256, 1024, 4096, 8192, 16384, 32768, 65536, 131072]
PARAMETERS = [
    {}, {"server_no_context_takeover": True}, {"client_max_window_bits": 9}, {"client_max_window_bits": 15},
    {"server_max_window_bits": 9}, {"server_max_window_bits": 15}, {"server_max_window_bits": 12, "client_max_window_bits": True},
    {"server_no_context_takeover": True, "client_no_context_takeover": True, "server_max_window_bits": 9, "client_max_window_bits": 9},
]


@pytest.mark.parametrize("parameters", PARAMETERS, ids=str)
def test_messages_of_any_size_come_back(running, parameters):
    factory = ClientPerMessageDeflateFactory(**parameters)
    with connect(f"ws://127.0.0.1:{running.gateway.port}/echo", max_size=None, compression=None, extensions=[factory]) as echo:
        assert [extension.name for extension in echo.protocol.extensions] == ["permessage-deflate"]
        for size in SIZES:
            for message in (json.dumps(document(size)), os.urandom(size), b"\x00" * size, "ü" * (size // 2), ""):
                for _ in range(10 if size < 10_000 else 3):
                    echo.send(message)
                    assert echo.recv(20) == message
                data = message.encode() if isinstance(message, str) else message
                parts = [data[start : start + 997] for start in range(0, len(data), 997)]
                echo.send(parts or [b""], text=isinstance(message, str))
                assert echo.recv(20) == message


@pytest.mark.parametrize("bits", [9, 12, 15])
def test_fragments_are_cut_anywhere_and_the_window_is_kept_to(running, bits):
    text = json.dumps(document(30_000)).encode()
    with Raw(running, offer=f"permessage-deflate; server_max_window_bits={bits}") as raw:
        data = deflated(text)
        for size in (1, 7, 1000, len(data)):
            for start in range(0, len(data), size):
                raw.send(1 if start == 0 else 0, data[start : start + size], final=start + size >= len(data), rsv=4 if start == 0 else 0)
            first, payload = raw.frame()
            assert first == 0xC1
            assert inflated(payload, bits) == text
        # An empty fragment at the end, a ping between, a message that isn't compressed, blocks of several kinds.
        raw.send(1, data, final=False, rsv=4)
        raw.send(9, b"ping")
        assert raw.frame() == (0x8A, b"ping")
        raw.send(0, b"")
        assert raw.message(bits) == text
        raw.send(1, text)
        assert raw.message(bits) == text
        for hello in (b"\xf2H\xcd\xc9\xc9\x07\x00", b"\x00\x05\x00\xfa\xffHello\x00", b"\xf3H\xcd\xc9\xc9\x07\x00\x00", b"\xf2H\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"):
            raw.send(1, hello, rsv=4)
            assert raw.frame() == (0x81, b"Hello")


@pytest.mark.parametrize(
    "frames, code",
    [
        # Opcode, payload, whether it ends the message, reserved bits.
        ([(1, deflated(b"x" * 500), False, 4), (0, b"", True, 4)], 1002),
        ([(9, b"x", True, 4)], 1002),
        ([(8, b"", True, 4)], 1002),
        ([(1, deflated(b"x" * 500), True, 6)], 1002),
        ([(1, deflated(b"x" * 500), True, 5)], 1002),
        ([(1, b"\xff\xff\xff\xff", True, 4)], 1002),
        ([(2, deflated(os.urandom(500))[:-30], True, 4)], 1002),
        ([(1, deflated(b"\xff" * 500), True, 4)], 1007),
    ],
)
def test_what_breaks_the_protocol_is_refused(running, frames, code):
    with Raw(running) as raw:
        for opcode, payload, final, rsv in frames:
            raw.send(opcode, payload, final, rsv)
        assert raw.close_code() == code


def test_the_bit_means_nothing_where_it_was_not_negotiated(running):
    with Raw(running, offer=None) as raw:
        raw.send(1, deflated(b"x" * 500), rsv=4)
        assert raw.close_code() == 1002


def test_bombs_are_refused(running):
    before = metric(running, "sluice_websocket_refused_inflates_total")
    bomb = deflated(b"\x00" * 20_000_000)
    assert len(bomb) < 20_000
    with Raw(running, "/ws") as raw:
        raw.send(1, bomb, rsv=4)
        assert raw.close_code() == 1009
    # Each of these is small enough; together they are inflated further than a connection's may be.
    text = b'{"action":"ping"}' + b" " * 100_000
    with Raw(running, "/ws") as raw:
        assert len(deflated(text)) < 200
        for _ in range(500):
            try:
                raw.send(1, deflated(text), rsv=4)
            except OSError:
                break
        assert raw.close_code() == 1013
    assert metric(running, "sluice_websocket_refused_inflates_total") == before + 2
    with Subscriber(running.url()) as client:
        client.send(action="ping", id="1")
        assert client.next()["type"] == "pong"


def test_a_record_is_compressed_once_for_all_who_take_it_so(running):
    before = metric(running, 'sluice_compressed_messages_total{kind="websocket"')
    documents = [document(size, size) for size in (100, 3_000, 30_000, 50, 5_000)]
    clients = [Raw(running, "/ws?topic=shared", offer) for offer in ["permessage-deflate"] * 5 + [None, "permessage-deflate; server_max_window_bits=10"]]
    for client in clients:
        for _ in range(2):
            client.frame()
    sequences = [running.publish("shared", data) for data in documents]
    frames = [[client.frame() for _ in documents] for client in clients]
    for bits, client in zip([15] * 6 + [9], frames):
        events = [json.loads(inflated(payload, bits) if first & 0x40 else payload) for first, payload in client]
        assert [event["sequence"] for event in events] == sequences
        assert [event["data"] for event in events] == documents
    assert [first for first, _ in frames[0]] == [0x81, 0xC1, 0xC1, 0x81, 0xC1]
    assert {first for first, _ in frames[5]} == {0x81}
    assert all(client == frames[0] for client in frames[:5])
    # Once for each loop and window at most.
    compressed = metric(running, 'sluice_compressed_messages_total{kind="websocket"') - before
    assert 6 <= compressed <= 3 * 2 * os.cpu_count()
    for client in clients:
        client.socket.close()
    assert metric(running, 'sluice_compression_plain_bytes_total{kind="websocket"') > metric(running, 'sluice_compression_compressed_bytes_total{kind="websocket"')


def test_histories_and_answers_are_compressed(running):
    documents = [document(2_000, number) for number in range(30)]
    for data in documents:
        running.publish("old", data)
    with Raw(running, "/ws?topic=old&after=0") as raw:
        frames = [raw.frame() for _ in range(32)]
        assert [first for first, _ in frames[2:]] == [0xC1] * 30
        assert [json.loads(inflated(payload))["data"] for _, payload in frames[2:]] == documents
        topics = [f"a/topic/with/a/number/{number}" for number in range(50)]
        raw.send(1, deflated(json.dumps({"action": "subscribe", "id": "1", "topics": topics}).encode()), rsv=4)
        first, payload = raw.frame()
        assert first == 0xC1
        answer = json.loads(inflated(payload))
        assert answer["type"] == "subscribed" and [topic["topic"] for topic in answer["topics"]] == topics
        raw.send(1, deflated(json.dumps({"action": "publish", "id": "2", "topic": "old", "data": documents[0]}).encode()), rsv=4)
        replies = {json.loads(raw.message())["type"], json.loads(raw.message())["type"]}
        assert replies == {"published", "event"}


def test_binary_frames_are_compressed(running):
    payload = b"\x00\x01\x02\x03" * 2_000
    with Raw(running, "/ws?topic=binary&binary=frames") as raw:
        raw.frame(), raw.frame()
        httpx.post(f"{running.gateway.address}/topics/binary", content=payload, headers={"content-type": "application/x-thing"})
        first, data = raw.frame()
        assert first == 0xC2
        message = inflated(data)
        (size,) = struct.unpack(">I", message[:4])
        assert json.loads(message[4 : 4 + size])["topic"] == "binary" and message[4 + size :] == payload


def test_aiohttp_speaks_it(running):
    async def run():
        async with aiohttp.ClientSession() as session:
            async with session.ws_connect(running.url("?topic=aiohttp"), compress=15) as client:
                assert client.compress
                assert [json.loads((await client.receive(10)).data)["type"] for _ in range(2)] == ["connected", "subscribed"]
                for size in (10, 2_000, 40_000):
                    await client.send_json({"action": "publish", "id": "1", "topic": "aiohttp", "data": document(size)})
                    messages = [json.loads((await client.receive(10)).data) for _ in range(2)]
                    assert [message["data"] for message in messages if message["type"] == "event"] == [document(size)]

    asyncio.run(run())


def test_it_can_be_switched_off_and_the_threshold_set(sluice):
    sluice.start("--no-websocket-compression", "--no-sse-compression")
    with Raw(sluice, "/ws") as raw:
        assert raw.extensions == []
    with httpx.stream("GET", f"{sluice.gateway.address}/sse?topic=a") as response:
        assert "content-encoding" not in response.headers and "vary" not in response.headers
    sluice.gateway.terminate()
    sluice.start_gateway("--compression-minimum-bytes", "64").ready()
    with Raw(sluice, "/ws?topic=a") as raw:
        raw.frame(), raw.frame()
        sluice.publish("a", "x" * 50)
        assert raw.frame()[0] == 0xC1


# Server-sent events.


class Gzipped:
    """A response of server-sent events as its bytes."""

    def __init__(self, sluice, query, encoding="gzip"):
        self.client = httpx.Client(timeout=30)
        fields = {"accept-encoding": encoding} if encoding else {}
        request = self.client.build_request("GET", f"{sluice.gateway.address}/sse?{query}", headers=fields)
        if encoding is None:
            del request.headers["accept-encoding"]
        self.response = self.client.send(request, stream=True)
        self.bytes = b""
        self.text = b""
        self.reader = zlib.decompressobj(31)
        self.raw = self.response.iter_raw()

    def events(self, count):
        """The texts of so many events from the beginning on."""
        while self.text.count(b"\n\n") < count:
            data = next(self.raw)
            self.bytes += data
            self.text += self.reader.decompress(data) if self.response.headers.get("content-encoding") == "gzip" else data
        return self.text.decode().split("\n\n")[:count]

    def close(self):
        self.response.close()
        self.client.close()


@pytest.mark.parametrize("encoding, is_compressed", [("gzip", True), ("br, gzip;q=0.5", True), ("*", True), ("gzip;q=0", False), ("br", False), (None, False)])
def test_a_response_is_compressed_where_that_is_accepted(running, encoding, is_compressed):
    response = Gzipped(running, "topic=gzip/a", encoding)
    assert (response.response.headers.get("content-encoding") == "gzip") == is_compressed
    assert response.response.headers["vary"] == "Accept-Encoding"
    running.publish("gzip/a", document(3_000))
    events = response.events(2)
    assert "event: subscribed" in events[0] and json.loads(events[1].split("data: ", 1)[1])["data"] == document(3_000)
    assert (len(response.bytes) < len(response.text)) == is_compressed
    response.close()


def test_compressed_responses_are_those_that_are_not(running):
    before = metric(running, 'sluice_compressed_messages_total{kind="sse"')
    query = "topic=gzip/b&topic=gzip/c&after=0&after=0"
    old = [document(2_000, number) for number in range(5)]
    for number, data in enumerate(old):
        running.publish(f"gzip/{'bc'[number % 2]}", data)
    responses = [Gzipped(running, query), Gzipped(running, query), Gzipped(running, query, None)]
    for response in responses:
        response.events(6)
    for number, size in enumerate((10, 3_000, 60_000, 200)):
        running.publish(f"gzip/{'bc'[number % 2]}", document(size, size))
    texts = [response.events(10) for response in responses]
    # Which topic's history comes first is each response's own affair.
    data = [sorted(event.split("data: ", 1)[1] for event in text) for text in texts]
    assert data[0] == data[1] == data[2]
    assert [text[6:] for text in texts][0] == [text[6:] for text in texts][2]
    assert len(responses[0].bytes) < len(responses[2].bytes) / 2
    assert metric(running, 'sluice_compressed_messages_total{kind="sse"') > before
    for response in responses:
        response.close()


def test_a_response_that_is_ended_is_a_whole_gzip_file(sluice):
    sluice.start("--drain-window", "0s")
    response = Gzipped(sluice, "topic=end")
    for number in range(20):
        sluice.publish("end", document(3_000, number))
    response.events(21)
    sluice.gateway.terminate()
    for data in response.raw:
        response.text += response.reader.decompress(data)
    assert "event: end" in response.text.decode()
    # The checksum and the length were right, or the reader would have said so.
    assert response.reader.eof and response.reader.unused_data == b""


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_curl_reads_events_as_they_come(running):
    process = subprocess.Popen(
        ["curl", "-sN", "--compressed", f"{running.gateway.address}/sse?topic=curl"], stdout=subprocess.PIPE, text=True
    )
    try:
        lines = []
        while not lines or not lines[-1].startswith("data: "):
            lines.append(process.stdout.readline())
        for number in range(3):
            running.publish("curl", document(3_000, number))
            while True:
                line = process.stdout.readline()
                if line.startswith("data: "):
                    break
            assert json.loads(line[6:])["data"] == document(3_000, number)
    finally:
        process.kill()
