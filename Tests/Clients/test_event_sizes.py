"""What docs/protocol.md says that a client must be able to take: the largest events there are, against its figures, and libraries' limits."""

import json
import re

import httpx
import pytest
import websockets.exceptions
from websockets.sync.client import connect

from processes import ROOT

MEBIBYTE = 2**20
# The longest names: of topics and content types, with what JSON escapes.
TOPIC = '"' * 400
TYPE_ROOM = 255


def figures():
    text = (ROOT / "docs/protocol.md").read_text()
    section = text.split("### What a client must be able to take")[1].split("###")[0]
    json_most, binary_most, text_most = (int(figure.replace(",", "")) for figure in re.findall(r"\*\*([\d,]+) bytes\*\*", section))
    return {"json": json_most, "binary": binary_most, "text": text_most, "all": int(re.search(r"\*\*(\d+) MiB\*\*", section)[1]) * MEBIBYTE}


def typed(name):
    """A content type that is as long as one may be."""
    prefix = f"{name}; x="
    return prefix + "y" * (TYPE_ROOM - len(prefix))


@pytest.mark.parametrize(
    "kind, content_type, payload",
    [
        ("json", typed("application/json"), b'"' + b"x" * (MEBIBYTE - 2) + b'"'),
        ("binary", typed("application/octet-stream"), b"\0" * MEBIBYTE),
        ("text", typed("text/plain"), b"\1" * MEBIBYTE),
    ],
    ids=["json", "binary", "text"],
)
def test_the_largest_events_are_as_large_as_the_protocol_says(sluice, kind, content_type, payload):
    sluice.start()
    most = figures()
    with connect(sluice.url(), subprotocols=["sluice.v1"], max_size=most["all"], compression=None) as socket:
        assert json.loads(socket.recv(30))["type"] == "connected"
        socket.send(json.dumps({"action": "subscribe", "id": "1", "topics": [TOPIC]}))
        assert json.loads(socket.recv(30))["type"] == "subscribed"
        path = "".join(f"%{byte:02X}" for byte in TOPIC.encode())
        answer = httpx.post(f"{sluice.gateway.address}/topics/{path}", content=payload, headers={"Content-Type": content_type}, timeout=60)
        assert answer.status_code == 202, answer.text
        text = socket.recv(60)
    event = json.loads(text)
    assert event["topic"] == TOPIC and event["contentType"] == content_type
    # Table and key, with six bytes for each of theirs, are what may come on top.
    assert most[kind] - 2 * 255 * 6 - 1_024 < len(text.encode()) <= most[kind]


def test_a_client_that_takes_less_closes_and_gets_past_the_record_by_http(sluice):
    """The library's own limit: resuming as it was would bring the same event for ever."""
    sluice.start()
    sluice.publish("t", "x" * (MEBIBYTE - 2))
    last = sluice.publish("t", "small")
    for _ in range(2):
        with connect(sluice.url("?topic=t&after=0"), subprotocols=["sluice.v1"], compression=None) as socket:
            with pytest.raises(websockets.exceptions.ConnectionClosedError) as closed:
                for _ in range(4):
                    socket.recv(30)
            assert closed.value.sent.code == 1009
    page = httpx.get(f"{sluice.gateway.address}/topics/t/records?after=0&limit=1", timeout=30).json()
    large = page["records"][0]
    assert len(large["data"]) == MEBIBYTE - 2
    with connect(sluice.url(f"?topic=t&after={large['sequence']}"), subprotocols=["sluice.v1"], compression=None) as socket:
        messages = [json.loads(socket.recv(30)) for _ in range(3)]
    assert [message["type"] for message in messages] == ["connected", "subscribed", "event"]
    assert messages[2]["sequence"] == last
