"""Whatever comes from outside is answered with its code, and the processes live."""

import base64
import hashlib
import hmac
import json
import os
import random
import socket
import struct
import time

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from processes import BINARY, Process, Sluice
from subscriber import Subscriber

KEY = "dGhlIHNhbXBsZSBub25jZQ=="


def raw(sluice, text=None):
    connection = socket.create_connection(("127.0.0.1", sluice.gateway.port), timeout=10)
    if text is not None:
        connection.sendall(text if isinstance(text, bytes) else text.encode())
    return connection


def read_all(connection):
    answer = b""
    try:
        while chunk := connection.recv(65_536):
            answer += chunk
    except ConnectionResetError:
        pass
    return answer


def upgrade(sluice, path="/ws", **changes):
    """A raw WebSocket after its handshake."""
    fields = {
        "Host": "localhost", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": KEY,
        "Sec-WebSocket-Version": "13", **changes,
    }
    connection = raw(sluice, f"GET {path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in fields.items() if v) + "\r\n")
    head = b""
    while b"\r\n\r\n" not in head:
        chunk = connection.recv(1)
        if not chunk:
            break
        head += chunk
    return connection, head.decode()


def frame(opcode, payload=b"", final=True, mask=True, reserved=0, length=None):
    head = bytes([(0x80 if final else 0) | reserved | opcode])
    size = len(payload) if length is None else length
    flag = 0x80 if mask else 0
    if size < 126:
        head += bytes([flag | size])
    elif size < 65_536:
        head += bytes([flag | 126]) + struct.pack(">H", size)
    else:
        head += bytes([flag | 127]) + struct.pack(">Q", size)
    if not mask:
        return head + payload
    key = os.urandom(4)
    return head + key + bytes(byte ^ key[index % 4] for index, byte in enumerate(payload))


def close_code(connection):
    """Reads frames to the close frame; returns its code."""
    answer = read_all(connection)
    while len(answer) >= 2:
        opcode, length = answer[0] & 0x0F, answer[1] & 0x7F
        start = 2
        if length == 126:
            length, start = struct.unpack(">H", answer[2:4])[0], 4
        elif length == 127:
            length, start = struct.unpack(">Q", answer[2:10])[0], 10
        if opcode == 8:
            return struct.unpack(">H", answer[start : start + 2])[0] if length >= 2 else 1005
        answer = answer[start + length :]
    return None


@pytest.mark.parametrize(
    "frames, code",
    [
        pytest.param(frame(1, b"{}", mask=False), 1002, id="unmasked"),
        pytest.param(frame(3, b""), 1002, id="reserved opcode"),
        pytest.param(frame(11, b""), 1002, id="reserved control opcode"),
        pytest.param(frame(1, b"{}", reserved=0x40), 1002, id="reserved bit"),
        pytest.param(frame(9, b"x", final=False), 1002, id="fragmented ping"),
        pytest.param(frame(9, b"x" * 126), 1002, id="long ping"),
        pytest.param(frame(0, b"x"), 1002, id="continuation of nothing"),
        pytest.param(frame(1, b"a", final=False) + frame(1, b"b"), 1002, id="message inside a message"),
        pytest.param(frame(8, b"x"), 1002, id="close frame of one byte"),
        pytest.param(frame(8, struct.pack(">H", 1005)), 1002, id="close code that may not be sent"),
        pytest.param(frame(8, struct.pack(">H", 999)), 1002, id="close code out of range"),
        pytest.param(frame(8, struct.pack(">H", 1000) + b"\xff"), 1007, id="close reason that isn't UTF-8"),
        pytest.param(frame(1, b"\xc3\x28"), 1007, id="text that isn't UTF-8"),
        pytest.param(frame(1, b"\xed\xa0\x80"), 1007, id="surrogate"),
        pytest.param(frame(1, b"\xf4", final=False) + frame(0, b"\x90\x80\x80"), 1007, id="not UTF-8 over two fragments"),
        pytest.param(frame(1, b"x" * 10, length=200 * 1024), 1009, id="frame over the limit"),
        pytest.param(frame(2, b"", length=2**63 - 1), 1009, id="frame of 2^63-1 bytes"),
    ],
)
def test_broken_frames_close_with_their_code(running, frames, code):
    connection, head = upgrade(running)
    assert "101" in head.splitlines()[0]
    connection.sendall(frames)
    assert close_code(connection) == code


def test_message_over_the_limit_in_fragments(running):
    connection, _ = upgrade(running)
    try:
        connection.sendall(frame(1, b"x" * 60_000, final=False) + frame(0, b"x" * 60_000, final=False) + frame(0, b"x" * 60_000))
    except (ConnectionResetError, BrokenPipeError):
        pass
    assert close_code(connection) == 1009


@pytest.mark.parametrize(
    "text, code",
    [
        ("{", "InvalidJSON"), ("", "InvalidJSON"), ("[1]", "InvalidRequest"), ("{}", "InvalidRequest"),
        ('{"action":1}', "InvalidRequest"), ('{"action":"fly"}', "UnknownAction"),
        ('{"action":"subscribe","topics":[]}', "InvalidRequest"), ('{"action":"subscribe","topics":"t"}', "InvalidRequest"),
        ('{"action":"subscribe","topics":[""]}', "InvalidTopic"), ('{"action":"subscribe","topics":["a\\u0000b"]}', "InvalidTopic"),
        ('{"action":"subscribe","topics":["' + "x" * 401 + '"]}', "InvalidTopic"),
        ('{"action":"publish","topic":"t"}', "InvalidRequest"), ('{"action":"publish","topic":"","data":1}', "InvalidTopic"),
        ('{"action":"publish","topic":"t","data":"' + "x" * 70_000 + '"}', "PayloadTooLarge"),
        ("[" * 1_000 + "]" * 1_000, "InvalidJSON"),
    ],
)
def test_faulty_messages_are_answered_and_forgiven(running, text, code):
    with Subscriber(running.url()) as client:
        client.socket.send(text)
        answer = client.expect("error")
        assert answer["code"] == code and answer["message"], answer
        client.quiet()


def test_error_names_the_message(running):
    with Subscriber(running.url()) as client:
        client.send(action="fly", id="7")
        assert client.expect("error")["id"] == "7"


def test_too_many_faulty_messages_close_with_4429(running):
    with Subscriber(running.url()) as client:
        for _ in range(101):
            client.socket.send("{")
        with pytest.raises(Exception):
            while True:
                client.next()
        assert client.socket.close_code == 4429


def test_too_many_subscriptions(running):
    with Subscriber(running.url()) as client:
        client.subscribe(*(f"many/{n}" for n in range(1_000)))
        client.send(action="subscribe", id="s", topics=["one/more"])
        assert client.expect("error")["code"] == "TooManySubscriptions"
        client.quiet()


@pytest.mark.parametrize(
    "changes, status",
    [
        ({"Sec-WebSocket-Version": "12"}, 426), ({"Sec-WebSocket-Key": ""}, 400), ({"Sec-WebSocket-Key": "short"}, 400),
        ({"Sec-WebSocket-Protocol": "mqtt"}, 400),
    ],
)
def test_faulty_handshakes(running, changes, status):
    connection, head = upgrade(running, **changes)
    assert head.split()[1] == str(status), head
    length = next(int(line.split(":")[1]) for line in head.splitlines() if line.lower().startswith("content-length:"))
    error = json.loads(connection.recv(length, socket.MSG_WAITALL))["error"]
    assert error["code"] and error["message"]


def test_websocket_path_without_upgrade(running):
    assert httpx.get(running.gateway.address + "/ws").status_code == 426


@pytest.mark.parametrize(
    "path, content, headers, status, code",
    [
        ("/topics/", b"1", {}, 400, "InvalidTopic"),
        ("/topics/" + "x" * 401, b"1", {}, 400, "InvalidTopic"),
        ("/topics/a%00b", b"1", {}, 400, "InvalidTopic"),
        ("/topics/a%FFb", b"1", {}, 400, "InvalidTopic"),
        ("/topics/t", b"{", {"Content-Type": "application/json"}, 400, "InvalidJSON"),
        ("/topics/t", b'"\xff"', {"Content-Type": "application/json"}, 400, "InvalidJSON"),
        ("/topics/t", b"x" * 70_000, {"Content-Type": "text/plain"}, 413, "PayloadTooLarge"),
        ("/topics", b"[]", {"Content-Type": "application/json"}, 400, "InvalidRequest"),
        ("/nowhere", b"", {}, 404, "NotFound"),
    ],
)
def test_faulty_requests(running, path, content, headers, status, code):
    answer = httpx.post(running.gateway.address + path, content=content, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["code"] == code and answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "request_text",
    [
        "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", "NONSENSE\r\n\r\n", "GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
        "POST /topics/t HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET /" + "x" * 20_000 + " HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET / HTTP/1.1\r\n" + "".join(f"X-{n}: y\r\n" for n in range(200)) + "\r\n",
        # Most of it is unread when the gateway says no.
        "GET / HTTP/1.1\r\n" + "X: y\r\n" * 100_000 + "\r\n",
        b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + bytes(160),
    ],
    ids=["negative length", "no request", "unknown version", "two lengths", "long line", "many fields", "very many fields", "TLS"],
)
def test_broken_requests_are_refused_and_the_connection_closed(running, request_text):
    answer = read_all(raw(running, request_text))
    assert answer.split()[1][:1] == b"4", answer[:100]


def test_slow_handshake_is_cut(running):
    connection = raw(running, "GET /ws HTTP/1.1\r\nHost: localhost\r\n")
    connection.settimeout(25)
    started = time.monotonic()
    answer = read_all(connection)
    assert time.monotonic() - started < 20
    assert answer == b"" or b" 408 " in answer


def test_random_bytes(running):
    seed = int.from_bytes(os.urandom(4))
    print("seed", seed)
    source = random.Random(seed)
    for _ in range(100):
        connection = raw(running)
        try:
            connection.sendall(source.randbytes(source.randrange(1, 400)) + b"\r\n\r\n")
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        read_all(connection)
        connection.close()
    for _ in range(100):
        connection, _ = upgrade(running)
        try:
            connection.sendall(source.randbytes(source.randrange(1, 400)))
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        read_all(connection)
        connection.close()
    assert httpx.get(running.gateway.address + "/healthz").status_code == 200


def test_token_is_asked_for_and_checked(sluice):
    secret = "0123456789abcdef0123456789abcdef"
    sluice.start_gateway("--authorizer", "jwt", "--jwt-secret", secret)
    address = sluice.gateway.address
    assert httpx.post(address + "/topics/t", json=1).json()["error"]["code"] == "Unauthorized"
    assert httpx.post(address + "/topics/t", json=1, headers={"Authorization": "Bearer x.y.z"}).status_code == 401
    expired = token(secret, exp=int(time.time()) - 3_600, publish=["#"])
    assert httpx.post(address + "/topics/t", json=1, headers=bearer(expired)).json()["error"]["code"] == "TokenExpired"
    good = token(secret, publish=["mine/#"], subscribe=["mine/#"])
    assert httpx.post(address + "/topics/mine/a", json=1, headers=bearer(good)).status_code == 202
    refused = httpx.post(address + "/topics/other", json=1, headers=bearer(good))
    assert refused.status_code == 403 and refused.json()["error"]["code"] == "Forbidden"
    with pytest.raises(InvalidStatus) as refused:
        connect(sluice.url())
    assert refused.value.response.status_code == 401
    with Subscriber(sluice.url(f"?token={good}")) as client:
        client.send(action="subscribe", id="1", topics=["other"])
        assert client.expect("error")["code"] == "Forbidden"
        client.subscribe("mine/a")


def test_connection_is_closed_when_its_token_expires(sluice):
    secret = "0123456789abcdef0123456789abcdef"
    sluice.start_gateway("--authorizer", "jwt", "--jwt-secret", secret, "--jwt-leeway", "0")
    with Subscriber(sluice.url(f"?token={token(secret, exp=int(time.time()) + 2, subscribe=['#'])}")) as client:
        assert client.next()["type"] == "tokenExpires"
        with pytest.raises(Exception):
            client.next()
        assert client.socket.close_code == 4402


def token(secret, publish=(), subscribe=(), **claims):
    def part(value):
        return base64.urlsafe_b64encode(value if isinstance(value, bytes) else json.dumps(value).encode()).rstrip(b"=")

    claims = {"sub": "someone", "sluice": {"publish": list(publish), "subscribe": list(subscribe)}, **claims}
    text = part({"alg": "HS256", "typ": "JWT"}) + b"." + part(claims)
    return (text + b"." + part(hmac.new(secret.encode(), text, hashlib.sha256).digest())).decode()


def bearer(text):
    return {"Authorization": f"Bearer {text}"}


def ended(arguments, variables=None):
    """Starts a process that can't, and returns its exit code and what it said."""
    return Process(arguments, variables).ended()


def test_port_in_use(running):
    other = Sluice()
    try:
        code, said = ended(["gateway", "--data", other.directory, "--port", str(running.gateway.port)])
        assert code == 69 and "in use" in said, said
    finally:
        other.stop()


def test_data_directory_that_cannot_be_made():
    for process in ("gateway", "publisher"):
        code, said = ended([process, "--data", "/proc/nowhere", *(["--port", "0"] if process == "gateway" else [])])
        assert code == 73 and "/proc/nowhere" in said, said


def test_data_directory_locked_by_a_gateway_of_the_same_name(running):
    code, said = ended(["gateway", "--data", running.directory, "--port", "0"])
    assert code == 73 and "--name" in said, said


def test_everybody_on_a_public_address_must_be_chosen(sluice):
    code, said = ended(["gateway", "--data", sluice.directory, "--host", "0.0.0.0", "--port", "0"])
    assert code == 78 and "--authorizer" in said, said


def test_unreadable_configuration(tmp_path):
    file = tmp_path / "sluice.json"
    file.write_text('{"port": 80')
    code, said = ended(["gateway", "--config", str(file)])
    assert code == 78 and str(file) in said
    code, said = ended(["gateway"], {"SLUICE_PORT": "http"})
    assert code == 78 and "SLUICE_PORT" in said
    code, said = ended(["gateway", "--port", "http"])
    assert code == 64 and "--port" in said


def test_full_map_is_told_and_loses_nothing(sluice):
    sluice.start_gateway("--log-map-size", "4MiB", "--retention-bytes", "1GiB")
    sluice.start_publisher("--log-map-size", "4MiB")
    with Subscriber(sluice.url("?topic=t")) as client:
        client.expect("subscribed")
        accepted = []
        for _ in range(200):
            answer = httpx.post(f"{sluice.gateway.address}/topics/t", content=b"x" * 65_536, headers={"Content-Type": "text/plain"})
            if answer.status_code != 202:
                break
            accepted.append(answer.json()["sequence"])
        assert answer.status_code == 503 and answer.json()["error"]["code"] == "QueueFull", answer.text
        assert answer.headers["Retry-After"]
        assert [event["sequence"] for event in client.events(len(accepted))] == accepted


def test_binary_exists():
    assert BINARY.exists(), f"{BINARY} isn't there: swift build"
