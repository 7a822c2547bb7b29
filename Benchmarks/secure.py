"""What TLS and compression cost: the servers' processor time a delivery and a connect, and memory a connection, beside the same without.

The load is this process, one thread with an epoll: it is slower than LoadGenerator, knows TLS, and isn't what is measured. So records come at a
pace that is far below what a server can do, and what counts is what the server spends on each.
"""

import base64
import http.client
import json
import os
import pathlib
import select
import socket
import ssl
import subprocess
import time

import growth
import servers

# Stands once in each record's payload, and nowhere else in what a server sends.
MARK = b"@"


def certificate(directory: str) -> tuple[str, str]:
    """A certificate for 127.0.0.1, signed by itself."""
    file, key = f"{directory}/certificate.pem", f"{directory}/key.pem"
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost",
            "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", file,
        ],
        check=True, capture_output=True,
    )
    return file, key


class SecureSluice(servers.Sluice):
    """Gateway and publisher, the gateway's port with TLS."""

    def start(self) -> None:
        file, key = certificate(self.directory)
        self.flags = (*self.flags, "--tls-certificate", file, "--tls-key", key)
        super().start()

    def wait_ready(self, port: int) -> None:
        if port != self.port:
            return super().wait_ready(port)

        def ask() -> bool:
            connection = http.client.HTTPSConnection("127.0.0.1", port, context=trusting(), timeout=30)
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200

        self.wait(ask)


class SecureNATS(servers.NATS):
    """nats-server, its WebSockets with TLS."""

    def start(self) -> None:
        self.publish_port = self.port + 1
        file, key = certificate(self.directory)
        pathlib.Path(f"{self.directory}/nats.conf").write_text(
            f"listen: 127.0.0.1:{self.publish_port}\nmax_connections: 65536\n"
            f'websocket {{ host: 127.0.0.1, port: {self.port}, compression: false, tls {{ cert_file: "{file}", key_file: "{key}" }} }}\n'
        )
        self.spawn(servers.PEERS / "venv/bin/nats-server", "-c", f"{self.directory}/nats.conf")
        self.wait_for_port(self.port)
        self.wait_for_port(self.publish_port)


def trusting() -> ssl.SSLContext:
    """Whoever asks only wants to know what it costs."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def make(kind: str, port: int, secure: bool, flags: tuple = ()) -> servers.Server:
    if kind == "nats":
        return SecureNATS("nats", port) if secure else servers.NATS("nats", port)
    return (SecureSluice if secure else servers.Sluice)("sluice", port, flags=flags)


# MARK: Clients


def opened(port: int, context: ssl.SSLContext | None) -> socket.socket:
    plain = socket.create_connection(("127.0.0.1", port), timeout=30)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return context.wrap_socket(plain, server_hostname="127.0.0.1") if context else plain


def masked(text: str) -> bytes:
    payload = text.encode()
    return bytes([0x82, 0x80 | len(payload), 0, 0, 0, 0]) + payload


def subscriber(kind: str, port: int, context: ssl.SSLContext | None, compressed: bool) -> socket.socket:
    """A WebSocket that is subscribed to the topic t."""
    client = opened(port, context)
    path = "/ws?topic=t" if kind == "sluice" else "/"
    offer = "Sec-WebSocket-Extensions: permessage-deflate\r\n" if compressed else ""
    client.sendall(
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n{offer}"
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n\r\n".encode()
    )
    head = b""
    while b"\r\n\r\n" not in head:
        head += client.recv(65536)
    if b" 101 " not in head.split(b"\r\n", 1)[0] or (b"permessage-deflate" in head.lower()) != compressed:
        raise OSError(f"no WebSocket: {head[:200]!r}")
    if kind == "nats":
        client.sendall(masked('CONNECT {"verbose":false}\r\nSUB t 1\r\nPING\r\n'))
        wanted = b"PONG"
    else:
        wanted = b'"subscribed"'
    seen = head.split(b"\r\n\r\n", 1)[1]
    while not compressed and wanted not in seen:
        seen += client.recv(65536)
    client.setblocking(False)
    return client


class Crowd:
    """Subscribers that read whatever comes, and count it."""

    def __init__(self, kind: str, port: int, count: int, secure: bool, compressed: bool):
        context = trusting() if secure else None
        self.sockets = {client.fileno(): client for client in (subscriber(kind, port, context, compressed) for _ in range(count))}
        self.poll = select.epoll()
        self.records = dict.fromkeys(self.sockets, 0)
        self.bytes = dict.fromkeys(self.sockets, 0)
        for number in self.sockets:
            self.poll.register(number, select.EPOLLIN)

    def read(self, until: float) -> None:
        """Reads until a moment."""
        while (left := until - time.monotonic()) > 0:
            for number, _ in self.poll.poll(left):
                client = self.sockets[number]
                try:
                    # A TLS socket may hold more than the poll knows of.
                    while part := client.recv(262_144):
                        self.records[number] += part.count(MARK)
                        self.bytes[number] += len(part)
                        if not isinstance(client, ssl.SSLSocket):
                            break
                except (BlockingIOError, ssl.SSLWantReadError):
                    pass

    def settle(self, moved) -> None:
        """Reads until nothing comes any more."""
        before = None
        while (now := moved()) != before:
            before = now
            self.read(time.monotonic() + 0.3)

    def close(self) -> None:
        for client in self.sockets.values():
            client.close()


class Publisher:
    """Publishes batches of records to the topic t, one request after the other."""

    def __init__(self, kind: str, server: servers.Server, secure: bool, payload: str):
        self.kind, self.payload = kind, payload
        if kind == "nats":
            self.connection = opened(server.publish_port, None)
            self.connection.sendall(b'CONNECT {"verbose":false}\r\n')
        elif secure:
            self.connection = http.client.HTTPSConnection("127.0.0.1", server.port, context=trusting(), timeout=60)
        else:
            self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)

    def publish(self, count: int) -> None:
        if self.kind == "nats":
            data = self.payload.encode()
            return self.connection.sendall(b"".join(b"PUB t %d\r\n%s\r\n" % (len(data), data) for _ in range(count)))
        growth.publish_batch(self.connection, ["t"] * count, self.payload)


# MARK: Measurements


def text_of(size: int) -> str:
    """JSON as applications send it, of about so many bytes: names that come again, values that differ."""
    rows: list[dict] = []
    while len(json.dumps({"mark": "@", "rows": rows})) < size:
        number = len(rows)
        rows.append({"orderId": 4_200 + 7 * number, "status": ["packed", "sent", "delivered"][number % 3], "customer": f"customer-{number * 7919 % 1000}", "total": number * 13.37})
    return json.dumps({"mark": "@", "rows": rows[:-1] if rows else rows})


def fan_out(
    port: int, kind: str = "sluice", secure: bool = False, compressed: bool = False, connections: int = 1000, batch: int = 1, rate: float = 10,
    seconds: float = 8, size: int = 200,
) -> dict:
    """So many batches of records a second to so many WebSockets; the servers' processor time for each delivery, and its bytes on the wire."""
    payload = text_of(size) if size > 400 else json.dumps("@" + "x" * (size - 3))
    with make(kind, port, secure) as server:
        crowd = Crowd(kind, port, connections, secure, compressed)
        publisher = Publisher(kind, server, secure, payload)
        publisher.publish(batch)
        crowd.settle(lambda: sum(crowd.bytes.values()))
        warm = sum(crowd.bytes.values())
        first_bytes = dict(crowd.bytes)
        spent = [servers.cpu_seconds(pid) for pid in server.pids()]
        batches, began = int(rate * seconds), time.monotonic()
        for number in range(batches):
            publisher.publish(batch)
            crowd.read(began + (number + 1) / rate)
        crowd.settle(lambda: sum(crowd.bytes.values()))
        spent = [now - before for now, before in zip((servers.cpu_seconds(pid) for pid in server.pids()), spent)]
        deliveries = batches * batch * connections
        received = sum(crowd.bytes.values()) - warm
        each = {crowd.bytes[number] - first_bytes[number] for number in crowd.bytes}
        lost = 0 if compressed else deliveries + batch * connections - sum(crowd.records.values())
        crowd.close()
    return {
        "deliveries": deliveries, "lost": lost, "unequal": len(each) - 1 if kind == "sluice" else 0, "gatewayMicroseconds": spent[0] * 1e6 / deliveries,
        "microseconds": sum(spent) * 1e6 / deliveries, "bytes": received / deliveries,
    }


def connecting(port: int, secure: bool, connections: int = 2000) -> dict:
    """So many WebSockets one after the other, and what each costs the gateway in processor time and, once it is idle, memory."""
    with make("sluice", port, secure) as server:
        for warm in [subscriber("sluice", port, trusting() if secure else None, False) for _ in range(50)]:
            warm.close()
        time.sleep(1)
        pid = server.pids()[0]
        spent, resident, began = servers.cpu_seconds(pid), growth.resident_bytes(pid), time.monotonic()
        crowd = Crowd("sluice", port, connections, secure, False)
        took = time.monotonic() - began
        spent = servers.cpu_seconds(pid) - spent
        crowd.read(time.monotonic() + 2)
        grown = growth.resident_bytes(pid) - resident
        crowd.close()
    return {"connectMicroseconds": spent * 1e6 / connections, "connectsPerSecond": connections / took, "kibibytesPerConnection": grown / 1024 / connections}
