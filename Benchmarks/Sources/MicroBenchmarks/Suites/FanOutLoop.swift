/// The fan-out on one event loop: from a delivery's records to frames on the way to every subscriber's socket.
enum FanOutLoop {
    private static let connections = 1_000

    static let cases = [1, 8].flatMap { records in
        [
            make("\(named(records)) to \(connections) connections", records) { $0.deliver() },
            make("\(named(records)) from the link to the receipt", records) { $0.receive() },
        ]
    }

    private static func named(_ records: Int) -> String { records == 1 ? "1 record" : "\(records) records" }

    private static func make(
        _ name: String,
        _ records: Int,
        _ run: @escaping @Sendable (SubscribedLoop) -> Void
    ) -> MicroCase {
        MicroCase(
            suite: "fan-out",
            name: name,
            parts: [
                Part(unit: "record", count: records), Part(unit: "connection", count: connections),
                Part(unit: "frame", count: connections * records),
            ]
        ) {
            let loop = try SubscribedLoop(connections: connections)
            return Operation(
                prepare: { count in try loop.prepare(deliveries: count, records: records) },
                run: { _ in run(loop) }
            )
        }
    }
}
