import ArgumentParser
import QueueEngine
import Queues
import SluiceCore

/// `sluice queue send`: sends messages to a message queue.
struct QueueSendCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "send",
        abstract: "Send a message, or each line of standard input as one.",
        discussion: """
            Returns when all is on disk. Lines are sent in batches, each one commit; empty lines are left out. When a line can't be sent, \
            those before it are sent and the error names it.
            """
    )

    @OptionGroup var options: MessageQueueOptions
    @Argument(help: "The queue's name.") var name: String
    @Argument(help: "The message; - for all of standard input.") var body: String?
    @Flag(help: "Send each line of standard input.") var lines = false
    @Option(
        help: ArgumentHelp(
            "How long the message is hidden at first, up to 15m; as the queue says when not given.",
            valueName: "seconds"
        )
    )
    var delay: WholeSeconds?
    @Option(help: ArgumentHelp("The group, which a FIFO queue needs.", valueName: "id")) var group: String?
    @Option(
        name: .customLong("deduplication-id"),
        help: ArgumentHelp("By what a FIFO queue knows a second send for five minutes.", valueName: "id")
    )
    var deduplicationID: String?
    @Option(
        name: .customLong("attribute"),
        help: ArgumentHelp("An attribute of the type String; may be repeated.", valueName: "name=value")
    )
    var attributes: [NamedValue] = []
    @Flag(help: "One JSON object, for programs.") var json = false

    func validate() throws {
        guard (body == nil) == lines else {
            throw ValidationError("Give either a message, - for standard input, or --lines.")
        }
        guard !lines || deduplicationID == nil else {
            throw ValidationError(
                "--deduplication-id is for one message: all lines but the first would be repetitions."
            )
        }
    }

    func run() async throws {
        let id = try QueueID(argument: name)
        try await options.change { service in
            let queue = try service.queue(id)
            if lines { try await sendLines(to: queue, service) } else { try await sendOne(to: queue, service) }
        }
    }

    private func draft(_ body: String) -> MessageDraft {
        MessageDraft(
            body: body,
            attributes: attributes.map {
                MessageAttribute(name: $0.name, type: "String", value: .string($0.value))
            },
            delaySeconds: delay?.count,
            groupID: group.map { ByteString($0) },
            deduplicationID: deduplicationID.map { ByteString($0) }
        )
    }

    private func sendOne(to queue: MessageQueue, _ service: MessageQueueService) async throws {
        var text = body ?? ""
        if text == "-" {
            let bytes = try StandardInput.all(upToBytes: queue.attributes.maximumMessageBytes)
            text = try StandardInput.text(bytes, of: "Standard input")
        }
        let message = try draft(text).message(for: queue, nowNanoseconds: StageClock.wallNanoseconds())
        guard let place = try await service.send([message], to: queue.id).first else { return }
        guard json else {
            let known = place.isDuplicate ? ", which was sent before: nothing is stored again" : ""
            return Terminal.write("\(place.id)\(known)\n")
        }
        var object = JSONObject()
        object.add("messageId", place.id.description)
        object.add("ordinal", place.ordinal)
        object.addRaw("duplicate", "\(place.isDuplicate)")
        Terminal.write(object.text + "\n")
    }

    // MARK: - Lines

    /// Messages of one commit at most.
    private static let batchMessages = 1_000

    private func sendLines(to queue: MessageQueue, _ service: MessageQueueService) async throws {
        var reader = InputLines(maximumLineBytes: queue.attributes.maximumMessageBytes)
        var (sent, duplicates, line) = (0, 0, 0)
        var progress = ProgressLine()
        defer { progress.end() }
        func send(_ batch: [QueueMessage]) async throws {
            guard !batch.isEmpty else { return }
            duplicates += try await service.send(batch, to: queue.id).count(where: \.isDuplicate)
            sent += batch.count
            progress.show("\(sent) messages")
        }
        while let lines = try reader.next() {
            var batch: [QueueMessage] = []
            for bytes in lines {
                line += 1
                guard !bytes.isEmpty else { continue }
                do {
                    guard bytes.count <= reader.maximumLineBytes else {
                        throw CommandError(
                            .usage,
                            "It is longer than the \(reader.maximumLineBytes) bytes that the queue takes."
                        )
                    }
                    let text = try StandardInput.text(bytes, of: "It")
                    batch.append(try draft(text).message(for: queue, nowNanoseconds: StageClock.wallNanoseconds()))
                } catch {
                    try await send(batch)
                    let reason = CommandError(error)
                    throw CommandError(
                        reason.status,
                        "Line \(line) can't be sent, \(sent) messages before it are: \(reason.description)"
                    )
                }
                guard batch.count == QueueSendCommand.batchMessages else { continue }
                try await send(batch)
                batch = []
            }
            try await send(batch)
        }
        progress.end()
        guard json else {
            let known = duplicates == 0 ? "" : "; \(duplicates) of them were sent before and aren't stored again"
            return Terminal.write("\(sent) messages sent\(known)\n")
        }
        var object = JSONObject()
        object.add("sent", sent)
        object.add("duplicates", duplicates)
        Terminal.write(object.text + "\n")
    }
}
