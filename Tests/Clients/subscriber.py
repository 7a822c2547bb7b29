"""A WebSocket client that speaks sluice.v1, over the `websockets` library."""

import json

from websockets.sync.client import connect

PATIENCE = 10


class Subscriber:
    def __init__(self, url, **options):
        self.socket = connect(url, subprotocols=["sluice.v1"], open_timeout=PATIENCE, max_size=2**26, **options)
        self.connected = self.next()
        assert self.connected["type"] == "connected" and self.connected["connectionId"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, **message):
        self.socket.send(json.dumps(message))

    def next(self, timeout=PATIENCE):
        return json.loads(self.socket.recv(timeout))

    def expect(self, kind):
        message = self.next()
        assert message["type"] == kind, message
        return message

    def subscribe(self, *topics, after=None, id="s"):
        message = {"action": "subscribe", "id": id, "topics": list(topics)}
        if after is not None:
            message["after"] = after
        self.send(**message)
        answer = self.expect("subscribed")
        assert answer["id"] == id
        return answer["topics"]

    def events(self, count):
        return [self.expect("event") for _ in range(count)]

    def quiet(self, seconds=0.3):
        """Nothing but what was asked for is on its way: a ping's answer comes next."""
        self.send(action="ping", id="quiet")
        answer = self.next()
        assert answer == {"type": "pong", "id": "quiet"}, answer
