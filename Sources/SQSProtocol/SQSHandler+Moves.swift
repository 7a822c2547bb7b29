import QueueEngine
import Queues
import SluiceCore

/// The actions on tasks that move dead letters back.
extension SQSHandler {
    func startMove(_ input: SQSInput) throws(SQSError) -> [UInt8] {
        let source = try queue(of: input.requiredText("SourceArn"))
        let destination = try input.text("DestinationArn").map { arn throws(SQSError) in try queue(of: arn) }
        let rate = try input.number("MaxNumberOfMessagesPerSecond", 1...500)
        let move = try asking { () throws(QueueError) in
            try service.startRedrive(of: source, to: destination, maximumPerSecond: rate)
        }
        return JSONWriter.object { $0.member("TaskHandle", move.handle) }
    }

    func cancelMove(_ input: SQSInput) throws(SQSError) -> [UInt8] {
        let handle = try input.requiredText("TaskHandle")
        let moved = try asking { () throws(QueueError) in try service.cancelMove(handle) }
        return JSONWriter.object { $0.member("ApproximateNumberOfMessagesMoved", moved) }
    }

    func listMoves(_ input: SQSInput) throws(SQSError) -> [UInt8] {
        let source = try queue(of: input.requiredText("SourceArn"))
        let maximum = try input.number("MaxResults", 1...10) ?? 1
        let moves = try asking { () throws(QueueError) in try service.moves(of: source) }
        return JSONWriter.object { json in
            json.name("Results")
            json.array { json in for move in moves.prefix(maximum) { json.object { write(move, &$0) } } }
        }
    }

    private func write(_ move: MessageMove, _ json: inout JSONWriter) {
        if move.status == .running { json.member("TaskHandle", move.handle) }
        json.member("Status", move.status.rawValue)
        json.member("SourceArn", QueueARN.text(of: move.source))
        if let destination = move.destination { json.member("DestinationArn", QueueARN.text(of: destination)) }
        if let rate = move.maximumPerSecond { json.member("MaxNumberOfMessagesPerSecond", rate) }
        json.member("ApproximateNumberOfMessagesMoved", move.moved)
        json.member("ApproximateNumberOfMessagesToMove", move.toMove)
        if let failure = move.failure { json.member("FailureReason", failure) }
        json.member("StartedTimestamp", move.startedAtNanoseconds / 1_000_000)
    }

    private func queue(of arn: String) throws(SQSError) -> QueueID {
        guard let queue = QueueARN.queue(of: arn) else {
            throw .invalid("'\(arn.printable(limit: 120))' isn't a queue's ARN.")
        }
        return queue
    }
}
