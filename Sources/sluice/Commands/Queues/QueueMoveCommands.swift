import ArgumentParser
import QueueEngine
import Queues
import SluiceCore

/// `sluice queue redrive`: moves dead letters back.
struct QueueRedriveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "redrive",
        abstract: "Move the messages of a dead-letter queue back to the queues that they come from.",
        discussion:
            """
            As SQS's StartMessageMoveTask, by this process, to its end. What has moved stays moved when it is stopped. Dead letters of publishers \
            are published again, as new records.
            """
    )

    @OptionGroup var options: MessageQueueOptions
    @Argument(help: "The dead-letter queue's name.") var name: String
    @Option(help: ArgumentHelp("Move all to this queue instead.", valueName: "queue")) var to: String?
    @Option(help: "Messages a second at most.") var rate: Int?
    @Flag(help: "One JSON object, for programs.") var json = false

    func validate() throws { try MessageMoveRun.check(rate) }

    func run() async throws {
        let source = try QueueID(argument: name)
        let target = try to.map { text throws(CommandError) in try QueueID(argument: text) }
        try await options.change(appendsRecords: true) { service in
            let move = try service.startRedrive(of: source, to: target, maximumPerSecond: rate)
            try await MessageMoveRun.finish(move, service, isJSON: json)
        }
    }
}

/// `sluice queue move`: moves messages to another queue.
struct QueueMoveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "move",
        abstract: "Move all messages of a message queue to another one.",
        discussion: """
            They are other messages there, with ids of their own. What is in flight or delayed stays; what was received as often as the \
            queue's RedrivePolicy allows goes to its dead-letter queue, as with every receive.
            """
    )

    @OptionGroup var options: MessageQueueOptions
    @Argument(help: "The queue's name.") var name: String
    @Option(help: ArgumentHelp("Where to.", valueName: "queue")) var to: String
    @Option(help: "Messages a second at most.") var rate: Int?
    @Flag(help: "One JSON object, for programs.") var json = false

    func validate() throws { try MessageMoveRun.check(rate) }

    func run() async throws {
        let (source, target) = (try QueueID(argument: name), try QueueID(argument: to))
        try await options.change { service in
            let move = try service.startMove(of: source, to: target, maximumPerSecond: rate)
            try await MessageMoveRun.finish(move, service, isJSON: json)
        }
    }
}

/// A move that this process makes and waits for.
private enum MessageMoveRun {
    private static let lookInterval = Duration.milliseconds(20)

    static func check(_ rate: Int?) throws {
        guard (1...1_000_000).contains(rate ?? 1) else {
            throw ValidationError("--rate is a number from 1 to 1000000.")
        }
    }

    /// Waits for the end and says how many were moved.
    static func finish(_ move: MessageMove, _ service: MessageQueueService, isJSON: Bool) async throws {
        var progress = ProgressLine()
        defer { progress.end() }
        var now = move
        while now.status == .running {
            try await Task.sleep(for: lookInterval)
            guard let found = try service.moves(of: move.source).first(where: { $0.handle == move.handle }) else {
                break
            }
            now = found
            progress.show("\(now.moved) of \(now.toMove) messages moved")
        }
        progress.end()
        guard now.status == .completed else {
            throw CommandError(
                .inputOutput,
                "\(now.moved) messages were moved, then it failed: \(now.failure ?? now.status.rawValue)"
            )
        }
        guard isJSON else { return Terminal.write("\(now.moved) messages moved\n") }
        var object = JSONObject()
        object.add("source", now.source.description)
        object.add("destination", now.destination?.description)
        object.add("moved", now.moved)
        Terminal.write(object.text + "\n")
    }
}
