import ArgumentParser
import QueueEngine
import Queues
import SluiceCore

/// `sluice queue receive`: receives messages, as a consumer would.
struct QueueReceiveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "receive",
        abstract:
            "Receive messages of a message queue: they are hidden from others for the visibility timeout, or deleted.",
        discussion: """
            A line is a message's receipt handle and body, with --delete the body alone; characters that a terminal would obey are escaped, \
            and --json has all of a message. A receive counts, so that a dead-letter queue may get the message: 'sluice queue peek' only \
            looks. With --delete messages are deleted after they have been written; without it a FIFO queue gives up to 100 of a group.
            """
    )

    @OptionGroup var options: MessageQueueOptions
    @Argument(help: "The queue's name.") var name: String
    @Option(help: "Messages at most, 1 to 10000.") var count = 1
    @Option(
        help: ArgumentHelp(
            "How long to wait for the first one, up to 1h; as the queue says when not given.",
            valueName: "seconds"
        )
    )
    var wait: WholeSeconds?
    @Option(
        help: ArgumentHelp(
            "How long they are hidden, up to 12h; as the queue says when not given.",
            valueName: "seconds"
        )
    )
    var visibility: WholeSeconds?
    @Flag(help: "Delete what was received.") var delete = false
    @Flag(help: "One JSON object a message and line, for programs.") var json = false

    /// Messages of one receive: what of a message's size is in memory at once.
    private static let receiveMessages = 100

    func validate() throws {
        guard (1...10_000).contains(count) else { throw ValidationError("--count is a number from 1 to 10000.") }
        guard (wait?.count ?? 0) <= 3_600 else { throw ValidationError("--wait is 0 to 3600 seconds.") }
        guard (visibility?.count ?? 0) <= 43_200 else { throw ValidationError("--visibility is 0 to 43200 seconds.") }
    }

    func run() async throws {
        let id = try QueueID(argument: name)
        let received = try await options.change { service in
            var received = 0
            while received < count {
                let messages = try await service.receive(
                    from: id,
                    maximum: min(count - received, QueueReceiveCommand.receiveMessages),
                    visibilitySeconds: visibility?.count,
                    waitSeconds: received == 0 ? wait?.count : 0
                )
                guard !messages.isEmpty else { break }
                received += messages.count
                try await handOver(messages, of: id, service)
            }
            return received
        }
        if received == 0, !json { Terminal.writeError("No message can be received.\n") }
    }

    private func handOver(
        _ messages: [ReceivedMessage],
        of id: QueueID,
        _ service: MessageQueueService
    ) async throws {
        let text =
            json
            ? MessageReport.json(received: messages)
            : MessageReport.lines(received: messages, withHandles: !delete)
        guard Terminal.tryToWrite(text) else {
            throw CommandError(
                .inputOutput,
                "Messages were received and can't be written: they stay in the queue \(id)."
            )
        }
        guard delete else { return }
        let standing = try await service.delete(messages.map(\.handle), from: try service.queue(id))
        let lost = standing.count { $0 == .stale || $0 == .gone }
        guard lost == 0 else {
            Terminal.writeError("\(lost) messages were received by somebody else meanwhile and aren't deleted here.\n")
            return
        }
    }
}
