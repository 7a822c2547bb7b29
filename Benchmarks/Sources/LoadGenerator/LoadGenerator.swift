import ArgumentParser
import Foundation
import NIOCore
import NIOPosix

/// Loads a running gateway: connections that subscribe, and publishes that leave on schedule.
@main
struct LoadGenerator: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Subscribers of one topic and publishes at a fixed rate; prints what arrived and how late.",
        discussion: "Latency counts from the time at which a publish was due, so that a stalled server can't hide its stall."
    )

    @Option(help: "The gateway's host.") var host = "127.0.0.1"
    @Option(help: "The gateway's port.") var port = 8080
    @Option(help: "WebSocket connections.") var connections = 1_000
    @Option(help: "Topics that the connections are spread over.") var topics = 1
    @Option(help: "Publishes a second; 0 publishes as fast as --in-flight allows.") var rate = 100
    @Option(help: "Publishes in flight with --rate 0.") var inFlight = 8
    @Option(help: "Length of the run, seconds.") var seconds = 10
    @Option(help: "Payload, bytes.") var bytes = 200
    @Flag(help: "One JSON object instead of lines for people.") var json = false

    func run() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let tally = Tally()
        let connectStarted = Marker.now()
        let channels = try await connect(group: group, tally: tally)
        let connectSeconds = Double(Marker.now() - connectStarted) / 1e9
        if !json { print("\(connections) connections subscribed in \(format(connectSeconds)) s") }
        let warmUp = topics * max(1, 50 / topics)
        try await publish(count: warmUp, group: group)
        let isWarm = Marker.now() + 5_000_000_000
        while tally.count < UInt64(warmUp) * UInt64(connections / topics), Marker.now() < isWarm {
            try await Task.sleep(for: .milliseconds(5))
        }
        tally.reset()
        let before = Usage.current()
        let started = Marker.now()
        let published = try await publish(for: seconds, group: group)
        let elapsed = Double(Marker.now() - started) / 1e9
        let expected = UInt64(published) * UInt64(connections / topics)
        let deadline = Marker.now() + 10_000_000_000
        while tally.count < expected, Marker.now() < deadline { try await Task.sleep(for: .milliseconds(20)) }
        report(tally, published: published, expected: expected, elapsed: elapsed, connectSeconds: connectSeconds, cpu: Usage.current() - before)
        for channel in channels { channel.close(promise: nil) }
    }

    private func connect(group: any EventLoopGroup, tally: Tally) async throws -> [any Channel] {
        var channels: [any Channel] = []
        let host = host, port = port, topics = topics
        for start in stride(from: 0, to: connections, by: 200) {
            let batch = try await withThrowingTaskGroup(of: (any Channel).self) { tasks in
                for number in start..<min(start + 200, connections) {
                    tasks.addTask {
                        let subscribed = group.any().makePromise(of: Void.self)
                        let channel = try await ClientBootstrap(group: group)
                            .channelInitializer { channel in
                                channel.eventLoop.makeCompletedFuture {
                                    let topic = LoadGenerator.topic(number % topics)
                                    try channel.pipeline.syncOperations.addHandler(
                                        SubscriberHandler(host: "\(host):\(port)", topic: topic, tally: tally, subscribed: subscribed)
                                    )
                                }
                            }
                            .connect(host: host, port: port).get()
                        try await subscribed.futureResult.get()
                        return channel
                    }
                }
                return try await tasks.reduce(into: []) { $0.append($1) }
            }
            channels += batch
        }
        return channels
    }

    private static func topic(_ number: Int) -> String { "bench/\(number)" }

    private func publish(count: Int, group: any EventLoopGroup) async throws {
        let connection = try await PublishConnection.open(host: host, port: port, group: group)
        for number in 0..<count {
            let payload = Marker.payload(time: Marker.now(), bytes: bytes)
            try await connection.publish(topic: LoadGenerator.topic(number % topics), payload: payload)
        }
        try await connection.close()
    }

    private func publish(for seconds: Int, group: any EventLoopGroup) async throws -> Int {
        let lanes = rate > 0 ? min(16, max(1, rate / 50)) : inFlight
        let host = host, port = port, rate = rate, topics = topics, bytes = bytes
        let start = Marker.now() + 10_000_000
        return try await withThrowingTaskGroup(of: Int.self) { tasks in
            for lane in 0..<lanes {
                tasks.addTask {
                    let connection = try await PublishConnection.open(host: host, port: port, group: group)
                    let end = start + UInt64(seconds) * 1_000_000_000
                    var number = lane
                    var published = 0
                    while true {
                        var due = Marker.now()
                        if rate > 0 {
                            due = start + UInt64(number) * 1_000_000_000 / UInt64(rate)
                            if due >= end { break }
                            let now = Marker.now()
                            if due > now { try await Task.sleep(for: .nanoseconds(due - now)) }
                            // The sleep's own lateness isn't the server's.
                            due = max(due, min(Marker.now(), due + 2_000_000))
                        } else if due >= end {
                            break
                        }
                        try await connection.publish(topic: LoadGenerator.topic(number % topics), payload: Marker.payload(time: due, bytes: bytes))
                        published += 1
                        number += lanes
                    }
                    try await connection.close()
                    return published
                }
            }
            return try await tasks.reduce(0, +)
        }
    }

    private func report(_ tally: Tally, published: Int, expected: UInt64, elapsed: Double, connectSeconds: Double, cpu: Double) {
        let deliveries = tally.count
        let percentiles = [50.0, 90, 99, 99.9, 100].map { tally.microseconds($0) }
        if json {
            let object: [String: Any] = [
                "published": published, "publishesPerSecond": Double(published) / elapsed, "deliveries": deliveries, "expected": expected,
                "deliveriesPerSecond": Double(deliveries) / elapsed, "p50": percentiles[0], "p90": percentiles[1], "p99": percentiles[2],
                "p999": percentiles[3], "max": percentiles[4], "connectSeconds": connectSeconds, "closed": tally.closedCount,
                "generatorCPUSeconds": cpu, "seconds": elapsed,
            ]
            let data = (try? JSONSerialization.data(withJSONObject: object, options: [.sortedKeys])) ?? Data()
            print(String(decoding: data, as: UTF8.self))
            return
        }
        print("published    \(published) in \(format(elapsed)) s, \(format(Double(published) / elapsed))/s")
        print("delivered    \(deliveries) of \(expected), \(format(Double(deliveries) / elapsed))/s; \(tally.closedCount) connections closed")
        print("latency µs   p50 \(format(percentiles[0]))  p90 \(format(percentiles[1]))  p99 \(format(percentiles[2]))  max \(format(percentiles[4]))")
        print("generator    \(format(cpu)) s CPU")
    }

    private func format(_ number: Double) -> String { String(format: "%.1f", number) }
}
