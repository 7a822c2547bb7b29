"""RFC 6455 as an independent client library sees it, on the plain echo."""

import os
import random

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect


@pytest.fixture
def echo(running):
    with connect(f"ws://127.0.0.1:{running.gateway.port}/echo", max_size=None, compression=None) as socket:
        yield socket


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 128, 65_535, 65_536, 65_537, 1_000_000])
def test_text_and_binary_of_every_length_form(echo, size):
    text = "x" * size
    echo.send(text)
    assert echo.recv(10) == text
    data = os.urandom(size)
    echo.send(data)
    assert echo.recv(10) == data


@pytest.mark.parametrize("size", [1, 7, 1_024, 65_536])
def test_fragments_are_one_message(echo, size):
    data = os.urandom(200_000)
    echo.send([data[start : start + size] for start in range(0, len(data), size)][:5_000])
    expected = data[: size * 5_000]
    assert echo.recv(30) == expected


def test_empty_fragments(echo):
    echo.send(["", "", "text", ""])
    assert echo.recv(10) == "text"


@pytest.mark.parametrize("text", ["Hello-µ@ßöäüàá-UTF-8!!", "κόσμε", "\U0001f600" * 1_000, "\u0000\ufffd\U0010ffff"])
def test_utf8_split_anywhere(echo, text):
    # A fragment's border may lie inside a character.
    encoded = text.encode()
    for cut in range(0, min(len(encoded), 40)):
        echo.send([encoded[:cut], encoded[cut:]], text=True)
        assert echo.recv(10) == text


def test_pings_are_answered_with_their_payload(echo):
    for payload in (b"", b"x", os.urandom(125)):
        assert echo.ping(payload).wait(10)


def test_pings_between_fragments(echo):
    def fragments():
        yield "a"
        assert echo.ping(b"between")
        yield "b"

    echo.send(fragments())
    assert echo.recv(10) == "ab"


@pytest.mark.parametrize("code", [1000, 1001, 1003, 1007, 1011, 3000, 4999])
def test_close_codes_are_echoed(echo, code):
    echo.close(code, "reason")
    assert echo.close_code == code


def test_many_messages_in_order(echo):
    seed = random.randrange(2**32)
    print("seed", seed)
    source = random.Random(seed)
    messages = [source.randbytes(source.randrange(2_000)) for _ in range(2_000)]
    for start in range(0, len(messages), 100):
        for message in messages[start : start + 100]:
            echo.send(message)
        for message in messages[start : start + 100]:
            assert echo.recv(10) == message


@pytest.mark.parametrize("is_fragmented", [False, True])
def test_message_over_the_limit_closes_with_1009(running, is_fragmented):
    with connect(f"ws://127.0.0.1:{running.gateway.port}/echo", max_size=None, compression=None) as socket:
        # Most of it is on its way when the gateway says no.
        part = b"x" * 262_144
        message = (part for _ in range(129)) if is_fragmented else part * 129
        with pytest.raises(ConnectionClosed):
            socket.send(message)
            socket.recv(20)
        assert socket.close_code == 1009
