import SluiceCore

/// The fan-out on one event loop: from decoded records to frames in every subscriber's channel.
enum FanOutLoop {
    private static let connections = 1_000

    static let cases =
        [1, 8].map { records in
            MicroCase(
                suite: "fan-out",
                name: "\(records) \(records == 1 ? "record" : "records") to \(connections) connections",
                parts: [
                    Part(unit: "record", count: records), Part(unit: "frame written", count: connections * records),
                    Part(unit: "write", count: connections),
                ]
            ) {
                let loop = try SubscribedLoop(connections: connections)
                return Operation(
                    prepare: { count in try loop.prepare(deliveries: count, records: records) },
                    run: { _ in loop.deliver() },
                    finish: loop.drain
                )
            }
        } + [
            // The share of the embedded channels in the above: what no gateway has.
            MicroCase(
                suite: "fan-out",
                name: "\(connections) embedded channels alone",
                parts: [Part(unit: "write", count: connections)]
            ) {
                let channels = try BareChannels(count: connections)
                return Operation(run: { _ in channels.write() }, finish: channels.drain)
            }
        ]
}
