import ArgumentParser

/// What a run does.
enum Workload: String, CaseIterable, ExpressibleByArgument, Codable {
    /// One topic for all connections (unless --topics says otherwise), --in-flight messages at a time.
    case fanout
    /// As many topics as connections, --in-flight messages at a time.
    case wide
    /// Connections with one subscription each; the time until all are up.
    case connect
    /// The same, then --seconds of silence; the memory that a connection takes of --pids.
    case idle
    /// --rate messages a second on schedule; latency from when a message was due.
    case paced
    /// Publishes alone, --in-flight at a time.
    case publish
    /// LMDB's own synchronous commit of one record, in --directory.
    case commit
}

/// The arguments of a run.
struct Options: ParsableArguments {
    @Argument(help: "fanout, wide, connect, idle, paced, publish or commit.") var workload: Workload
    @Option(help: "sluice, sluice-ws, nats, jetstream, nchan, mosquitto or redis.") var peer = Peer.sluice
    @Option(help: "The server's port on 127.0.0.1, for WebSockets and, unless --publish-port, publishes.") var port:
        UInt16 = 8080
    @Option(help: "The server's port for publishes.") var publishPort: UInt16?
    @Option(help: "WebSocket connections.") var connections = 1_000
    @Option(
        name: .customLong("topics"),
        help: "Topics that the connections are spread over; 1, with wide one a connection."
    )
    var topicCount: Int?
    @Option(help: "Messages in flight.") var inFlight = 8
    @Option(
        help: "Connections that publish; as many as messages in flight over HTTP and to Redis, else 1; fewer pipeline."
    )
    var publishers: Int?
    @Option(help: "Messages a second, with paced.") var rate = 100
    @Option(help: "Payload, bytes.") var bytes = 200
    @Option(help: "Seconds before the measured ones.") var warmUp = 1.0
    @Option(help: "Measured seconds.") var seconds = 5.0
    @Option(help: "Connections that may be on their way up at once.") var connecting = 512
    @Option(help: "Processes of the server whose CPU and memory are measured, separated by commas.") var pids = ""
    @Option(help: "Topics that each connection subscribes to besides and that get nothing, up to 999; Sluice only.")
    var extraTopics = 0
    @Option(help: "Where commit makes its database.") var directory = "/tmp"

    @Option(help: "The number of the first topic, so that two generators can load one server and not each other.")
    var firstTopic = 0

    /// The topic of a number.
    func topic(_ number: Int) -> String { peer.topic(firstTopic + number) }

    /// Topics, by workload.
    var topics: Int {
        switch workload {
        case .wide: topicCount ?? connections
        case .publish: topicCount ?? 1_000
        default: topicCount ?? 1
        }
    }

    /// Connections that subscribe.
    var subscribers: Int { workload == .publish ? 0 : connections }

    /// Connections that publish.
    var publisherCount: Int {
        switch workload {
        case .connect, .idle, .commit: 0
        case .paced: publishers ?? (peer.publishesOneAtATime ? 16 : 1)
        default: publishers ?? (peer.publishesOneAtATime ? inFlight : 1)
        }
    }

    /// The processes of `pids`.
    var processes: [Int] { pids.split(separator: ",").compactMap { Int($0) } }

    func validate() throws {
        guard connections > 0, topics > 0, bytes >= 48, inFlight > 0, inFlight <= 16_384, rate > 0, connecting > 0,
            seconds > 0
        else {
            throw ValidationError("numbers must be positive, --bytes at least 48, --in-flight at most 16384")
        }
        guard subscribers % topics == 0 || workload == .publish else {
            throw ValidationError("--connections must be a multiple of --topics")
        }
        guard extraTopics >= 0, extraTopics < 1_000 else { throw ValidationError("--extra-topics is at most 999") }
        guard workload != .publish || peer.acknowledges else {
            throw ValidationError("\(peer.rawValue) acknowledges nothing, so there is nothing to wait for")
        }
    }
}
