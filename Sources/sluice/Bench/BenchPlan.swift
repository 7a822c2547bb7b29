import SluiceCore

/// What `sluice bench` is asked to do, checked.
struct BenchPlan: Equatable, Sendable {
    let target: BenchTarget
    /// WebSockets; each is subscribed to one topic, one after the other.
    let connections: Int
    let topics: [Topic]
    let pacing: BenchPacing
    /// How long is measured, seconds.
    let seconds: Double
    /// How long the same load runs before, without its latency being counted, seconds.
    let warmUpSeconds: Double
    let payloadBytes: Int
    /// Marks this run's messages, so that those of another run on the same topics aren't taken for ours.
    let run: String
    /// Bearer token for connects and publishes; it must allow both on the topics.
    let token: String?

    static let connectionRange = 1...25_000
    static let rateRange = 0.1...100_000
    static let inFlightRange = 1...1_000
    static let secondsRange = 0.1...86_400
    static let warmUpRange = 0.0...3_600
    static let payloadRange = BenchMarker.leastPayloadBytes...Limits.payloadBytesCeiling

    /// Checks everything.
    /// - Throws: `usage`, with the flag, its value and what would be right.
    init(
        target: BenchTarget,
        connections: Int = 100,
        topics: Int = 10,
        pacing: BenchPacing = .rate(50),
        seconds: Double = 10,
        warmUpSeconds: Double = 1,
        payloadBytes: Int = 200,
        topicPrefix: String? = nil,
        run: String = BenchPlan.randomName(),
        token: String? = nil
    ) throws(CommandError) {
        try BenchPlan.check("--connections", connections, BenchPlan.connectionRange, "a whole number")
        try BenchPlan.check("--topics", topics, BenchPlan.connectionRange, "a whole number")
        guard topics <= connections else {
            throw CommandError(
                .usage,
                "--topics \(topics) are more than --connections \(connections), and each topic needs a subscriber: "
                    + "ask for fewer topics or more connections."
            )
        }
        switch pacing {
        case .rate(let rate): try BenchPlan.check("--rate", rate, BenchPlan.rateRange, "a number")
        case .inFlight(let places):
            try BenchPlan.check("--in-flight", places, BenchPlan.inFlightRange, "a whole number")
        }
        try BenchPlan.check("--seconds", seconds, BenchPlan.secondsRange, "a number")
        try BenchPlan.check("--warm-up", warmUpSeconds, BenchPlan.warmUpRange, "a number of seconds")
        try BenchPlan.check("--payload-bytes", payloadBytes, BenchPlan.payloadRange, "a size")
        self.target = target
        self.connections = connections
        self.topics = try BenchPlan.topics(topicPrefix ?? "bench/" + run, topics)
        self.pacing = pacing
        self.seconds = seconds
        self.warmUpSeconds = warmUpSeconds
        self.payloadBytes = payloadBytes
        self.run = run
        self.token = token
    }

    /// Which topic a receiver is subscribed to, as an index.
    func topic(ofReceiver receiver: Int) -> Int { receiver % topics.count }

    /// A receiver's place among the receivers of its topic.
    func place(ofReceiver receiver: Int) -> Int { receiver / topics.count }

    /// How many receivers a topic has at most.
    var receiversOfTopic: Int { (connections + topics.count - 1) / topics.count }

    /// HTTP connections that carry the publishes, one publish each at a time.
    ///
    /// As many as there are places; on schedule as many as keep up when an answer takes a tenth of a second, up to 64.
    var publishConnections: Int {
        switch pacing {
        case .inFlight(let places): places
        case .rate(let rate): min(64, max(4, Int((rate / 10).rounded(.up))))
        }
    }

    /// Eight hexadecimal digits.
    static func randomName() -> String {
        let digits = String(UInt32.random(in: 0...UInt32.max), radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }

    private static func topics(_ prefix: String, _ count: Int) throws(CommandError) -> [Topic] {
        var topics: [Topic] = []
        for index in 0..<count {
            do {
                topics.append(try Topic(prefix + "/\(index)"))
            } catch {
                throw CommandError(.usage, "--topic-prefix: \(error.message)")
            }
        }
        return topics
    }

    private static func check<Number: Comparable>(
        _ flag: String,
        _ value: Number,
        _ range: ClosedRange<Number>,
        _ kind: String
    ) throws(CommandError) {
        guard range.contains(value) else {
            throw CommandError(
                .usage,
                "\(flag) \(value): it must be \(kind) from \(range.lowerBound) to \(range.upperBound)."
            )
        }
    }
}
