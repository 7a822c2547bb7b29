import ChangeQueue
import LMDBLog
import SluiceCore

/// What `sluice queue depth` shows.
enum DepthReport {
    /// For people.
    static func table(_ depth: QueueDepth, _ topics: [TopicDepth]?) -> String {
        var table = TextTable([("QUEUE", .left), (depth.queue.description, .right)])
        table.add(["visible", String(depth.visible)])
        table.add(["in flight", String(depth.inFlight)])
        table.add(["delayed", String(depth.delayed)])
        table.add(["dead-lettered", String(depth.deadLettered)])
        table.add(["oldest", DurationText.rounded(seconds: depth.oldestAgeSeconds)])
        table.add(["log records", String(depth.logRecords)])
        table.add(["log size", ByteCount.rounded(depth.logBytes)])
        let share = depth.mapSizeBytes == 0 ? 0 : Double(depth.mapUsedBytes) / Double(depth.mapSizeBytes) * 100
        table.add(["map used", "\((share * 10).rounded() / 10) % of \(ByteCount.rounded(depth.mapSizeBytes))"])
        table.add(["last sequence", String(depth.lastSequence.rawValue)])
        guard let topics else { return table.text() }
        var byTopic = TextTable([("TOPIC", .left), ("VISIBLE", .right), ("IN FLIGHT", .right)])
        for topic in topics {
            byTopic.add([topic.topic.name.printable(limit: 120), String(topic.visible), String(topic.inFlight)])
        }
        return table.text() + "\n" + (topics.isEmpty ? "No topic has waiting records.\n" : byTopic.text())
    }

    /// For programs.
    static func json(_ depth: QueueDepth, _ topics: [TopicDepth]?) -> JSONObject {
        var object = JSONObject()
        object.add("queue", depth.queue.description)
        object.add("visible", depth.visible)
        object.add("inFlight", depth.inFlight)
        object.add("delayed", depth.delayed)
        object.add("deadLettered", depth.deadLettered)
        object.add("oldestAgeSeconds", seconds: depth.oldestAgeSeconds)
        object.add("logRecords", depth.logRecords)
        object.add("logBytes", depth.logBytes)
        object.add("mapUsedBytes", depth.mapUsedBytes)
        object.add("mapSizeBytes", depth.mapSizeBytes)
        object.add("lastSequence", depth.lastSequence.rawValue)
        guard let topics else { return object }
        object.add(
            "topics",
            topics.map { topic in
                var object = JSONObject()
                object.add("topic", topic.topic.name)
                object.add("visible", topic.visible)
                object.add("inFlight", topic.inFlight)
                return object
            }
        )
        return object
    }
}
