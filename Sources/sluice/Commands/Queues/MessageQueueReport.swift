import LMDBLog
import QueueEngine
import Queues
import SluiceCore

/// What `sluice queue list` and `show` show.
struct MessageQueueReport {
    let queue: MessageQueue
    let figures: MessageQueueFigures
    /// Queues whose dead letters come here.
    let sources: [QueueID]

    /// The attributes by AWS's names, as `GetQueueAttributes` has them, without the figures.
    private var attributes: [(name: String, value: String)] {
        [("QueueArn", QueueARN.text(of: queue.id))] + queue.attributes.values
    }

    /// For people.
    var table: String {
        var table = TextTable([("QUEUE", .left), (queue.id.description, .left)])
        table.add(["kind", queue.kindName])
        table.add(["created", WallClock.text(nanoseconds: queue.createdAtNanoseconds)])
        table.add(["changed", WallClock.text(nanoseconds: queue.modifiedAtNanoseconds)])
        table.add(["visible", "\(figures.visible)"])
        table.add(["in flight", "\(figures.inFlight)"])
        table.add(["delayed", "\(figures.delayed)"])
        table.add(["oldest", figures.oldestText])
        if !sources.isEmpty { table.add(["dead letters of", sources.map(\.description).joined(separator: " ")]) }
        for (name, value) in attributes { table.add([name, value.printable(limit: 400)]) }
        for tag in queue.tags {
            table.add(["tag \(tag.key.string.printable(limit: 128))", tag.value.printable(limit: 256)])
        }
        return table.text()
    }

    /// For programs.
    var json: JSONObject {
        var object = MessageQueueReport.row(queue, figures)
        object.add("createdAt", WallClock.text(nanoseconds: queue.createdAtNanoseconds))
        object.add("modifiedAt", WallClock.text(nanoseconds: queue.modifiedAtNanoseconds))
        object.add("deadLetterSources") { json in
            json.array { json in for source in sources { json.value(source.description) } }
        }
        object.add("attributes") { json in
            json.object { json in for (name, value) in attributes { json.member(name, value) } }
        }
        object.add("tags") { json in
            json.object { json in for tag in queue.tags { json.member(tag.key.string, tag.value) } }
        }
        return object
    }

    /// What programs are told of messages that a command removed.
    static func removed(_ messages: Int, from queue: QueueID) -> JSONObject {
        var object = JSONObject()
        object.add("queue", queue.description)
        object.add("removed", messages)
        return object
    }

    // MARK: - Several

    static func table(list: [(queue: MessageQueue, figures: MessageQueueFigures)]) -> String {
        guard !list.isEmpty else { return "There are no message queues.\n" }
        var table = TextTable([
            ("QUEUE", .left), ("KIND", .left), ("VISIBLE", .right), ("IN FLIGHT", .right), ("DELAYED", .right),
            ("OLDEST", .right), ("DEAD-LETTER QUEUE", .left),
        ])
        for (queue, figures) in list {
            table.add([
                queue.id.description, queue.kindName, "\(figures.visible)", "\(figures.inFlight)", "\(figures.delayed)",
                figures.oldestText, queue.attributes.redrive?.deadLetterQueue.description ?? "-",
            ])
        }
        return table.text()
    }

    static func json(list: [(queue: MessageQueue, figures: MessageQueueFigures)]) -> String {
        JSONObject.array(list.map { row($0.queue, $0.figures) })
    }

    private static func row(_ queue: MessageQueue, _ figures: MessageQueueFigures) -> JSONObject {
        var object = JSONObject()
        object.add("queue", queue.id.description)
        object.add("kind", queue.kindName)
        object.add(figures)
        object.add("deadLetterQueue", queue.attributes.redrive?.deadLetterQueue.description)
        return object
    }
}

extension MessageQueueReport {
    /// Asks for everything.
    /// - Throws: ``QueueError``.
    init(_ id: QueueID, _ service: MessageQueueService) throws(QueueError) {
        let queue = try service.queue(id)
        self.init(
            queue: queue,
            figures: try service.figures(of: queue),
            sources: try service.deadLetterSources(of: id).map(\.id)
        )
    }
}

/// What `sluice queue depth NAME` shows.
struct MessageQueueDepth {
    let queue: MessageQueue
    let figures: MessageQueueFigures
    /// Messages in its dead-letter queue; nil when it has none.
    let deadLetters: Int?

    /// Counts.
    /// - Throws: ``QueueError``.
    init(_ id: QueueID, _ inspector: MessageQueueInspector) throws(QueueError) {
        let now = StageClock.wallNanoseconds()
        queue = try inspector.existing(id)
        figures = try inspector.figures(of: queue, nowNanoseconds: now)
        let target = try queue.attributes.redrive.flatMap { redrive throws(QueueError) in
            try inspector.queue(redrive.deadLetterQueue)
        }
        deadLetters = try target.map { target throws(QueueError) in
            try inspector.figures(of: target, nowNanoseconds: now).total
        }
    }

    /// For people.
    var table: String {
        var table = TextTable([("QUEUE", .left), (queue.id.description, .right)])
        table.add(["visible", "\(figures.visible)"])
        table.add(["in flight", "\(figures.inFlight)"])
        table.add(["delayed", "\(figures.delayed)"])
        table.add(["in flight at most", "\(MessageQueueInspector.maximumInFlight)"])
        table.add(["oldest", figures.oldestText])
        if let deadLetters, let redrive = queue.attributes.redrive {
            table.add(["in \(redrive.deadLetterQueue)", "\(deadLetters)"])
        }
        return table.text()
    }

    /// For programs.
    var json: JSONObject {
        var object = JSONObject()
        object.add("queue", queue.id.description)
        object.add(figures)
        object.add("maximumInFlight", MessageQueueInspector.maximumInFlight)
        object.add("deadLetterQueue", queue.attributes.redrive?.deadLetterQueue.description)
        if let deadLetters { object.add("deadLetters", deadLetters) } else { object.addRaw("deadLetters", "null") }
        return object
    }
}

extension MessageQueueInspector {
    /// The queue of a name.
    /// - Throws: ``QueueError``, `noSuchQueue`.
    func existing(_ id: QueueID) throws(QueueError) -> MessageQueue {
        guard let queue = try queue(id) else { throw QueueError(.noSuchQueue, "There is no queue \(id).") }
        return queue
    }
}

extension MessageQueue {
    /// As tables and JSON name its kind.
    fileprivate var kindName: String { isFIFO ? "fifo" : "standard" }
}

extension MessageQueueFigures {
    /// All messages.
    var total: Int { visible + inFlight + delayed }

    /// How old the oldest message is, seconds; 0 for an empty queue.
    var oldestAgeSeconds: Double {
        let now = StageClock.wallNanoseconds()
        guard let oldestSentAtNanoseconds, oldestSentAtNanoseconds < now else { return 0 }
        return Double(now - oldestSentAtNanoseconds) / 1e9
    }

    fileprivate var oldestText: String {
        oldestSentAtNanoseconds == nil ? "-" : DurationText.rounded(seconds: oldestAgeSeconds)
    }
}

extension JSONObject {
    /// Adds a queue's figures.
    fileprivate mutating func add(_ figures: MessageQueueFigures) {
        add("visible", figures.visible)
        add("inFlight", figures.inFlight)
        add("delayed", figures.delayed)
        add("oldestAgeSeconds", seconds: figures.oldestAgeSeconds)
    }
}
