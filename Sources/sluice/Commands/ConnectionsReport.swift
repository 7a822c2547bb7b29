import SluiceCore
import SubscriptionRegistry

/// What `sluice connections` shows.
struct ConnectionsReport {
    let gateways: [GatewayRow]
    let publishers: [PublisherRow]
    /// The addresses where nobody listens any more: killed processes, whose rows stay until their lease lapses.
    let silent: Set<String>
    let counts: RegistryCounts
    let connections: [ConnectionRow]
    let topics: [ConnectionID: [Topic]]

    /// For people.
    var table: String {
        var processes = TextTable([
            ("PROCESS", .left), ("NAME", .left), ("ADDRESS", .left), ("STARTED", .left), ("STATE", .left),
        ])
        for row in gateways {
            processes.add([
                "gateway", row.name.printable(limit: 40), row.httpAddress,
                WallClock.text(nanoseconds: row.startedAtNanoseconds), state(row.httpAddress),
            ])
        }
        for row in publishers {
            processes.add([
                "publisher", row.id, row.operationsAddress, WallClock.text(nanoseconds: row.startedAtNanoseconds),
                state(row.operationsAddress),
            ])
        }
        let names = Dictionary(gateways.map { ($0.id, $0.name) }) { first, _ in first }
        var table = TextTable([
            ("CONNECTION", .left), ("GATEWAY", .left), ("PRINCIPAL", .left), ("ADDRESS", .left), ("CONNECTED", .left),
            ("TOPICS", .right),
            ("", .left),
        ])
        for row in connections {
            table.add([
                row.id.description, names[row.gatewayID] ?? row.gatewayID.description,
                row.principal?.printable(limit: 40) ?? "-",
                row.remoteAddress, WallClock.text(nanoseconds: row.connectedAtNanoseconds), String(row.subscriptions),
                (topics[row.id] ?? []).map { $0.name.printable(limit: 80) }.joined(separator: " "),
            ])
        }
        let summary =
            "\(counts.connections) connections, \(counts.subscriptions) subscriptions, \(counts.topics) topics"
        let shown = connections.count < counts.connections ? "; the newest \(connections.count) follow" : ""
        return processes.text() + "\n" + summary + shown + "\n" + (connections.isEmpty ? "" : "\n" + table.text())
    }

    private func state(_ address: String) -> String { silent.contains(address) ? "gone" : "running" }

    /// For programs.
    var json: JSONObject {
        var object = JSONObject()
        object.add("gateways", gateways.map(member))
        object.add("publishers", publishers.map(member))
        var totals = JSONObject()
        totals.add("connections", counts.connections)
        totals.add("subscriptions", counts.subscriptions)
        totals.add("topics", counts.topics)
        object.add("counts", totals)
        object.add("connections", connections.map(member))
        return object
    }

    private func member(_ row: ConnectionRow) -> JSONObject {
        var object = JSONObject()
        object.add("connectionId", row.id.description)
        object.add("gateway", row.gatewayID.description)
        object.add("principal", row.principal)
        object.add("remoteAddress", row.remoteAddress)
        object.add("connectedAt", WallClock.text(nanoseconds: row.connectedAtNanoseconds))
        object.add("subscriptions", row.subscriptions)
        if let topics = topics[row.id] {
            object.add("topics") { json in
                json.array { json in for topic in topics { json.value(topic.name) } }
            }
        }
        return object
    }

    private func member(_ row: GatewayRow) -> JSONObject {
        var object = JSONObject()
        object.add("gateway", row.id.description)
        object.add("name", row.name)
        object.add("processId", Int(row.processID))
        object.add("httpAddress", row.httpAddress)
        object.add("operationsAddress", row.operationsAddress)
        object.add("linkAddress", row.linkAddress)
        object.add("state", state(row.httpAddress))
        object.add("startedAt", WallClock.text(nanoseconds: row.startedAtNanoseconds))
        return object
    }

    private func member(_ row: PublisherRow) -> JSONObject {
        var object = JSONObject()
        object.add("publisher", row.id)
        object.add("operationsAddress", row.operationsAddress)
        object.add("queue", row.queue)
        object.add("state", state(row.operationsAddress))
        object.add("startedAt", WallClock.text(nanoseconds: row.startedAtNanoseconds))
        return object
    }
}
