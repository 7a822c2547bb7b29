"""What is measured, and the bars that it is held against."""

import dataclasses
import functools
import statistics
import typing

import growth
import secure


@dataclasses.dataclass
class Measurement:
    """One load against one server."""

    name: str
    server: str | None = None
    words: list = dataclasses.field(default_factory=list)
    # The generator's word for the peer, where it isn't the server's.
    peer: str | None = None
    queue: str = "sqs"
    stages: bool = False
    # More flags of Sluice's gateway.
    flags: tuple = ()
    # A load before the measured one, against the same server.
    before: list | None = None
    # What is run instead of one load against one server, given a port.
    scenario: typing.Callable[[int], dict] | None = None

    def phases(self) -> list[list]:
        return ([self.before] if self.before else []) + [self.words]


@dataclasses.dataclass
class Group:
    """Measurements that run in turn."""

    bar: int
    title: str
    measurements: list[Measurement]
    # Fewer rounds than the others, for what takes long.
    rounds: int | None = None


def groups(quick: bool, peers: bool, files: int) -> list[Group]:
    """Everything that is to be run."""
    seconds = ["--seconds", 1.5 if quick else 5, "--warm-up", 0.5 if quick else 1]

    def each(prefix: str, names: list[str], words: list, **more) -> list[Measurement]:
        chosen = [name for name in names if peers or name.startswith("sluice")]
        return [Measurement(f"{prefix} {name}", name.split("-")[0], words, peer=name, **more) for name in chosen]

    fanout = ["fanout", "--connections", 1000, "--in-flight", 8, *seconds]
    paced = ["paced", "--connections", 10000, "--rate", 5, "--seconds", 3 if quick else 8, "--warm-up", 1]
    wide = ["wide", "--connections", 1000, *seconds]
    found = [
        Group(1, "fan-out", each("fanout", ["sluice", "nats", "jetstream"], fanout)),
        Group(2, "10,000 connections", [
            *each("paced", ["sluice", "nats", "nchan"], paced),
            Measurement("paced sluice, two event loops", "sluice", paced, flags=("--event-loops", 2)),
        ]),
        Group(3, "wide, 64 in flight", each("wide64", ["sluice", "nchan"], [*wide, "--in-flight", 64])),
        # NATS pipelines its publishes over one connection; so that the rule is the same, Sluice's come over few, pipelined.
        Group(
            3, "wide, 256 in flight",
            each("wide256", ["sluice"], [*wide, "--in-flight", 256, "--publishers", 16]) + each("wide256", ["nats"], [*wide, "--in-flight", 256]),
        ),
        Group(
            4, "durable publish",
            # As above: JetStream's publishes are pipelined over one connection, Redis' producers have one each.
            each("publish64", ["sluice"], ["publish", "--in-flight", 64, "--publishers", 8, *seconds])
            + each("publish64", ["jetstream"], ["publish", "--in-flight", 64, *seconds])
            + [Measurement("publish64 sluice, 64 connections", "sluice", ["publish", "--in-flight", 64, *seconds])]
            + each("publish16", ["redis"], ["publish", "--in-flight", 16, *seconds]),
        ),
        Group(
            4, "one publish at a time",
            [Measurement("commit", None, ["commit", "--seconds", 1 if quick else 3]), *each("publish1", ["sluice"], ["publish", "--in-flight", 1, *seconds])],
        ),
        Group(5, "hop", [
            Measurement(
                f"hop{rate} {queue}", "sluice",
                ["paced", "--connections", 100, "--topics", 100, "--rate", rate, "--seconds", 2 if quick else 8, "--warm-up", 0.5], queue=queue, stages=True,
            )
            for rate in (100, 5000) for queue in (["sqs"] if quick else ["sqs", "stream", "sns"])
        ]),
        Group(6, "idle connections", each("idle", ["sluice"], ["idle", "--connections", 10000, "--seconds", 2])),
        Group(7, "connections", [
            Measurement(f"curve {count}", "sluice", ["fanout", "--connections", count, "--in-flight", 1, *seconds]) for count in (100, 1000, 10000)
        ]),
    ]
    if not quick:
        # For the pictures, not held against a bar.
        found.append(Group(1, "for comparison", each("fanout", ["nchan", "mosquitto"], fanout), rounds=1))
        found.append(Group(3, "for comparison", [
            *each("wide64", ["sluice-ws", "nats"], [*wide, "--in-flight", 64]),
            Measurement("wide64 sluice, pipelined", "sluice", [*wide, "--in-flight", 64, "--publishers", 8]),
            *each("wide256", ["sluice-ws"], [*wide, "--in-flight", 256]),
            Measurement("wide256 sluice, 256 connections", "sluice", [*wide, "--in-flight", 256]),
        ], rounds=2))
        found.append(Group(6, "for comparison", each("idle", ["nats", "nchan", "mosquitto"], ["idle", "--connections", 10000, "--seconds", 2]), rounds=1))
        # Connections, plus what the gateway itself holds open.
        found.insert(2, Group(2, "18,000 connections", [Measurement("connect18000", "sluice", ["paced", "--connections", min(18000, files - 2000), "--rate", 2, "--seconds", 5])], rounds=1))
        fill = ["publish", "--in-flight", 512, "--warm-up", 1]
        found.append(Group(7, "log size", [
            Measurement("append empty", "sluice", [*fill, "--seconds", 5], peer="sluice-ws"),
            # About 10 million records at the pace of the target machine.
            Measurement("append full", "sluice", [*fill, "--seconds", 5], peer="sluice-ws", before=[*fill, "--seconds", 120]),
        ], rounds=1))
        found.append(Group(7, "subscriptions", [
            Measurement(
                f"resolve {1000 * (extra + 1)}", "sluice", ["wide", "--connections", 1000, "--in-flight", 64, "--extra-topics", extra, *seconds], stages=True
            )
            for extra in (0, 999)
        ], rounds=2))
        found += growing()
    return found


def growing() -> list[Group]:
    """What costs more when there is more of it, a decade a point."""

    def point(name: str, scenario: typing.Callable, **given) -> Measurement:
        return Measurement(name, scenario=functools.partial(scenario, **given))

    def group(bar: int, title: str, points: list[Measurement]) -> Group:
        return Group(bar, title, points, rounds=3)

    return [
        group(8, "retention of 16 MiB", [
            *(point(f"retention {topics} topics", growth.retention, topics=topics, limit="16MiB", seconds=12) for topics in (1000, 10_000, 100_000, 1_000_000)),
            point("no retention 1000000 topics", growth.retention, topics=1_000_000, limit=None, seconds=12),
            *(point(f"retention {count} batches", growth.retention_of_batches, batches=count, limit="16MiB", seconds=12) for count in (1, 8, 32)),
            point("no retention 32 batches", growth.retention_of_batches, batches=32, limit=None, seconds=12),
        ]),
        group(9, "clients that come with 100 topics each", [
            point(f"mass {clients * 100} subscriptions", growth.mass_subscribing, clients=clients) for clients in (100, 1000, 10_000)
        ]),
        group(10, "history by pages of 100", [
            point(f"paging {records} records", growth.paging, records=records) for records in (1000, 10_000, 100_000)
        ]),
        group(11, "start and stop", [
            point(f"start {topics} topics", growth.starting, topics=topics) for topics in (10_000, 100_000, 1_000_000)
        ]),
        group(12, "bytes that the disk writes", [
            point(f"written, window {window}", growth.written, window=window) for window in ("0s", "2ms", "10ms")
        ]),
        group(13, "large payloads to 100 connections", [
            Measurement(
                f"payload {size} bytes, {in_flight} in flight", "sluice",
                ["fanout", "--connections", 100, "--in-flight", in_flight, "--bytes", size, "--seconds", 4, "--warm-up", 1],
                # As much as is in flight may wait for a socket.
                flags=("--unwritten-bytes", "16MiB"),
            )
            for size in (1000, 10_000, 100_000, 1_000_000) for in_flight in (1, 8)
        ]),
        group(14, "more processes", [
            *(point(f"{count} publishers, {queue}", growth.processes, gateways=1, publishers=count, queue=queue) for queue in ("sqs", "stream") for count in (1, 2, 4)),
            point("2 gateways, sqs", growth.processes, gateways=2, publishers=1, queue="sqs"),
        ]),
        group(15, "a message queue", [
            *(point(f"queue with {count} waiting", growth.message_queue, waiting=count) for count in (10_000, 100_000, 1_000_000, 10_000_000)),
            *(point(f"queue with {count} in flight", growth.message_queue, in_flight=count) for count in (1000, 10_000, 100_000)),
            *(point(f"queue with {count} groups", growth.message_queue, groups=count) for count in (1000, 10_000, 100_000)),
            *(point(f"{count} queues", growth.many_queues, queues=count) for count in (1, 100, 1000)),
            *(point(f"queue, {name}", growth.queue_round_trips, server_name=name) for name in ("sluice", "moto")),
        ]),
        group(16, "TLS and compression", [
            *(
                point(f"{name}, {kind}{' TLS' if is_secure else ''}", secure.fan_out, kind=kind, secure=is_secure, **given)
                for name, given in SECURE_LOADS.items() for kind in ("sluice", "nats") for is_secure in (False, True)
            ),
            *(point(f"2 KB of JSON{', deflate' if compressed else ''}", secure.fan_out, compressed=compressed, size=2000) for compressed in (False, True)),
            *(point(f"connects{' TLS' if is_secure else ''}", secure.connecting, secure=is_secure) for is_secure in (False, True)),
        ]),
    ]


# One record at a time, and sixteen that leave together.
SECURE_LOADS = {"1 to 1,000": {}, "16 to 1,000": {"batch": 16, "rate": 3}}


def short(value: float) -> str:
    """A figure as people read it."""
    if value >= 10_000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}"


def value(result: dict, path: str) -> float | None:
    """The number at a path such as last.p50, or None where the run failed."""
    found = result
    for key in path.split("."):
        found = found.get(key) if isinstance(found, dict) else None
    return found


def judge(results: dict, _groups: list[Group]) -> list[dict]:
    """The bars, each with its figure, what it is held against, the ratio of each round, and whether it holds."""

    def series(name: str, path: str) -> list[float]:
        return [number for result in results.get(name, []) if (number := value(result, path)) is not None]

    def row(bar: int, what: str, name: str, path: str, limit: float, at_least: bool = True, peer: tuple | None = None) -> dict:
        mine = series(name, path)
        theirs = series(*peer) if peer else []
        ratios = [one / other for one, other in zip(mine, theirs) if other] if peer else mine
        judged = statistics.median(ratios) if ratios else None
        verdict = "not run" if judged is None else "pass" if (judged >= limit if at_least else judged <= limit) else "FAIL"
        return {
            "bar": bar, "what": what, "figure": statistics.median(mine) if mine else None,
            "peer": peer[0].split()[-1] if peer else "", "against": statistics.median(theirs) if theirs else None,
            "ratio": judged if peer else None, "low": min(ratios, default=None), "high": max(ratios, default=None),
            "wanted": ("≥ " if at_least else "≤ ") + f"{limit:g}", "verdict": verdict,
        }

    def lost(name: str) -> list[float]:
        return [result.get("lost", 0) + result.get("closed", 0) if "error" not in result else 1e9 for result in results.get(name, [])]

    def nothing_lost(bar: int, what: str, names: list[str]) -> dict:
        losses = [loss for name in names for loss in lost(name)]
        total = sum(losses) if losses else None
        return {
            "bar": bar, "what": what, "figure": total, "peer": "", "against": None, "ratio": None, "low": None, "high": None, "wanted": "0",
            "verdict": "not run" if total is None else "pass" if total == 0 else "FAIL",
        }

    rate, cpu = "deliveriesPerSecond", "cpuPerDelivery"
    best = min(("paced nchan", "paced nats"), key=lambda name: statistics.median(series(name, "last.p50") or [1e18]))
    rows = [
        row(1, "fan-out 1 × 1,000, 8 in flight: deliveries/s", "fanout sluice", rate, 1.5, peer=("fanout nats", rate)),
        row(1, "the same against JetStream, sync always", "fanout sluice", rate, 2.3, peer=("fanout jetstream", rate)),
        row(1, "CPU a delivery, both processes, µs", "fanout sluice", cpu, 0.6, False, peer=("fanout nats", cpu)),
        row(2, "10,000 connections: last receiver p50, µs", "paced sluice", "last.p50", 0.9, False, peer=(best, "last.p50")),
        row(2, "the same with two event loops", "paced sluice, two event loops", "last.p50", 0.9, False, peer=(best, "last.p50")),
        nothing_lost(2, "10,000 connections: deliveries lost", ["paced sluice", "paced sluice, two event loops"]),
        nothing_lost(2, "18,000 connections: deliveries lost", ["connect18000"]),
        row(3, "1,000 × 1, 64 in flight: durable publishes/s", "wide64 sluice", "publishesPerSecond", 1.0, peer=("wide64 nchan", "publishesPerSecond")),
        row(3, "1,000 × 1, 256 in flight: durable publishes/s", "wide256 sluice", "publishesPerSecond", 1.0, peer=("wide256 nats", "publishesPerSecond")),
        row(3, "CPU a publish at 256, both processes, µs", "wide256 sluice", "cpuPerPublish", 17, False),
        row(4, "publish, 64 in flight, pipelined: acknowledged/s", "publish64 sluice", "acknowledgedPerSecond", 10, peer=("publish64 jetstream", "acknowledgedPerSecond")),
        row(4, "64 connections against Redis, 16 producers", "publish64 sluice, 64 connections", "acknowledgedPerSecond", 1.5, peer=("publish16 redis", "acknowledgedPerSecond")),
        row(4, "one at a time: p50 against LMDB's commit, µs", "publish1 sluice", "acknowledgement.p50", 1.5, False, peer=("commit", "acknowledgement.p50")),
    ]
    for pace, middle, tail in ((100, 800, 2000), (5000, 600, 3000)):
        for queue in ("sqs", "stream", "sns"):
            name = f"hop{pace} {queue}"
            rows.append(row(5, f"hop at {pace}/s, {queue}: p50, µs", name, "stages.hop.p50", middle, False))
            rows.append(row(5, f"hop at {pace}/s, {queue}: p99, µs", name, "stages.hop.p99", tail, False))
    rows += [
        row(6, "idle connection of 10,000: KiB", "idle sluice", "kibibytesPerConnection", 8, False),
        row(6, "10,000 connections up, s", "idle sluice", "connectSeconds", 3, False),
        row(7, "CPU a delivery, 10,000 against 1,000 connections, µs", "curve 10000", cpu, 1.3, False, peer=("curve 1000", cpu)),
        row(7, "CPU a delivery, 10,000 against 100 connections, µs", "curve 10000", cpu, 1.3, False, peer=("curve 100", cpu)),
        row(7, "append/s, a full log against an empty one", "append full", "acknowledgedPerSecond", 1 / 1.3, peer=("append empty", "acknowledgedPerSecond")),
        row(7, "resolve p50, 1,000,000 against 1,000 subscriptions, µs", "resolve 1000000", "stages.resolve.p50", 1.3, False, peer=("resolve 1000", "stages.resolve.p50")),
    ]
    return rows + growing_rows(row)


def growing_rows(row: typing.Callable) -> list[dict]:
    """The bars of what grows."""
    answered, logged = "acknowledgement.p99", "logMiB"
    rows = [
        row(8, "256 in flight, 1,000,000 topics, 16 MiB asked for: MiB", "retention 1000000 topics", logged, 20, False),
        row(8, "32 batches of 1,000 in flight, the same: MiB", "retention 32 batches", logged, 20, False),
        row(8, "publish p99 with trimming against without, 1,000,000 topics", "retention 1000000 topics", answered, 1.3, False, peer=("no retention 1000000 topics", answered)),
        row(8, "publish p99 with trimming against without, 32 batches", "retention 32 batches", answered, 1.3, False, peer=("no retention 32 batches", answered)),
    ]
    publisher, gateway = "publisherCPUPerSubscription", "gatewayCPUPerSubscription"
    most, fewer = "mass 1000000 subscriptions", "mass 100000 subscriptions"
    rows += [
        row(9, "1,000,000 subscriptions come and go: others' delivery p99, µs", most, "delivery.p99", 20_000, False),
        row(9, "the same: others' subscribe p99, µs", most, "othersSubscribe.p99", 100_000, False),
        row(9, "publisher's CPU a subscription, against 100,000, µs", most, publisher, 1.3, False, peer=(fewer, publisher)),
        row(9, "gateway's CPU a subscription, against 100,000, µs", most, gateway, 1.3, False, peer=(fewer, gateway)),
        row(10, "a record of 100,000 by pages of 100, against 10,000, µs", "paging 100000 records", "microsecondsPerRecord", 1.3, False, peer=("paging 10000 records", "microsecondsPerRecord")),
        row(11, "first publish after /readyz, 1,000,000 topics, s", "start 1000000 topics", "firstPublishSeconds", 0.05, False),
        row(11, "the same after a SIGKILL, s", "start 1000000 topics", "afterKill.firstPublishSeconds", 0.05, False),
        row(11, "SIGTERM with 1,000,000 topics, s", "start 1000000 topics", "stopSeconds", 2, False),
        row(12, "bytes written a publish at 500/s, window of 10 ms against none", "written, window 10ms", "writtenPerPublish", 0.25, False, peer=("written, window 0s", "writtenPerPublish")),
    ]
    for size in (1000, 1_000_000):
        name, rate = f"payload {size} bytes", "deliveriesPerSecond"
        rows.append(row(13, f"{size:,} bytes to 100: deliveries/s, 8 in flight against 1", f"{name}, 8 in flight", rate, 1, peer=(f"{name}, 1 in flight", rate)))
    for name, peer in (("2 publishers, sqs", "1 publishers, sqs"), ("4 publishers, stream", "1 publishers, stream"), ("2 gateways, sqs", "1 publishers, sqs")):
        rows.append(row(14, f"wide at 64 with {name}, against one: publishes/s", name, "publishesPerSecond", 0.95, peer=(peer, "publishesPerSecond")))
    for kind, most, few in (("waiting", 10_000_000, 10_000), ("in flight", 100_000, 1000), ("groups", 10_000, 1000)):
        name, path = f"queue with {most} {kind}", "microsecondsPerTen"
        rows.append(row(15, f"ten messages received and deleted, {most:,} {kind}, against {few:,}, µs", name, path, 1.3, False, peer=(f"queue with {few} {kind}", path)))
    rows.append(row(15, "a message sent to one of 1,000 queues, against one, µs", "1000 queues", "send.p50", 1.2, False, peer=("1 queues", "send.p50")))
    rows.append(row(15, "messages sent, received and deleted in tens, against moto, which keeps them in memory, messages/s", "queue, sluice", "messagesPerSecond", 1, peer=("queue, moto", "messagesPerSecond")))
    return rows + secure_rows(row)


def secure_rows(row: typing.Callable) -> list[dict]:
    """The bars of TLS and compression."""
    cpu, rows = "microseconds", []
    for name in SECURE_LOADS:
        rows.append(row(16, f"{name}: CPU a delivery with TLS, against without, µs", f"{name}, sluice TLS", cpu, 2, False, peer=(f"{name}, sluice", cpu)))
        rows.append(row(16, "the same against NATS with TLS, µs", f"{name}, sluice TLS", cpu, 1, False, peer=(f"{name}, nats TLS", cpu)))
    return rows + [
        row(16, "2 KB of JSON to 1,000, deflate: bytes a delivery", "2 KB of JSON, deflate", "bytes", 0.5, False, peer=("2 KB of JSON", "bytes")),
        row(16, "the same: CPU a delivery, µs", "2 KB of JSON, deflate", cpu, 1.2, False, peer=("2 KB of JSON", cpu)),
        row(16, "a connect with TLS: CPU, µs", "connects TLS", "connectMicroseconds", 1500, False),
        row(16, "idle connection with TLS: KiB", "connects TLS", "kibibytesPerConnection", 80, False),
    ]
