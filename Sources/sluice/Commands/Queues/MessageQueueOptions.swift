import ArgumentParser
import ChangeQueue
import Foundation
import LMDBLog
import LocalStorage
import Logging
import QueueEngine
import Queues
import SluiceCore

/// The flags of the commands on message queues: those of every command but `--queue`, which is about the publishers' queue.
struct MessageQueueOptions: SettingOptions {
    @Option(
        name: .customLong("config"),
        help: ArgumentHelp("JSON file with settings; SLUICE_CONFIG names it too.", valueName: "file")
    )
    var configurationFile: String?
    @Option(.data) var data: String?
    @Option(.logLevel) var logLevel: String?
    @Option(.logFormat) var logFormat: String?

    /// Looks the settings up.
    /// - Throws: ``CommandError`` for a value that a setting can't have.
    func settings() async throws(CommandError) -> Settings {
        try await Settings(
            flags: CommonOptions.flags([self]),
            file: configurationFile,
            environment: ProcessInfo.processInfo.environment
        )
    }

    /// Opens the queues for looking, and makes nothing.
    /// - Throws: `noInput` when there is no log.
    func look() async throws(CommandError) -> MessageQueueInspector {
        try MessageQueueOptions.look(try await settings())
    }

    /// The same with settings that were looked up.
    static func look(_ settings: Settings) throws(CommandError) -> MessageQueueInspector {
        let directory = settings.text(.data, otherwise: "./sluice-data")
        do {
            return try MessageQueueInspector(dataDirectory: directory)
        } catch {
            throw CommandError(.noInput, "There are no queues to look at in the data directory \(directory): \(error)")
        }
    }

    /// Opens the queues for changes while `body` runs; gateways that run see the changes, and those who wait for messages there in some 20 ms.
    /// - Returns: what `body` returns.
    /// - Throws: `noInput` when there is no log, `cannotCreate` when it can't be written to, and what `body` throws.
    func change<Value>(
        appendsRecords: Bool = false,
        _ body: (MessageQueueService) async throws -> Value
    ) async throws -> Value {
        try await MessageQueueOptions.change(try await settings(), appendsRecords: appendsRecords) { files in
            try await body(files.service)
        }
    }

    /// The same with settings that were looked up, for queues and topics.
    static func change<Value>(
        _ settings: Settings,
        appendsRecords: Bool,
        _ body: (MessageQueueFiles) async throws -> Value
    ) async throws -> Value {
        // Whether there is a log; closed again, since a process opens it once.
        _ = try MessageQueueOptions.look(settings)
        let directory = settings.text(.data, otherwise: "./sluice-data")
        let files: MessageQueueFiles
        do {
            files = try MessageQueueFiles(
                dataDirectory: directory,
                appendsRecords: appendsRecords,
                logger: Logger(label: "sluice.queue", settings)
            )
        } catch {
            throw CommandError(
                error.code == .locked ? .unavailable : .cannotCreate,
                "The queues in the data directory \(directory) can't be changed: \(error)"
            )
        }
        let result: Result<Value, any Error>
        do { result = .success(try await body(files)) } catch { result = .failure(error) }
        do { try files.close() } catch { if case .success = result { throw CommandError(error) } }
        do { return try result.get() } catch let exit as ExitCode { throw exit } catch { throw CommandError(error) }
    }
}

extension QueueID {
    /// A queue's name from the command line.
    /// - Throws: `usage`.
    init(argument text: String) throws(CommandError) {
        guard let id = QueueID.messageQueue(named: text) else {
            throw CommandError(
                .usage,
                """
                '\(text.printable(limit: 90))' isn't a queue's name: 1 to 80 letters, digits, '-' and '_', a FIFO queue's with .fifo at \
                its end.
                """
            )
        }
        self = id
    }
}

/// `Name=Value` on the command line.
struct NamedValue: ExpressibleByArgument {
    let name: ByteString
    let value: String

    init?(argument: String) {
        let bytes = argument.utf8
        guard let place = bytes.firstIndex(of: UInt8(ascii: "=")), place != bytes.startIndex else { return nil }
        name = ByteString(argument[..<place])
        value = String(argument[bytes.index(after: place)...])
    }
}

/// A number of whole seconds on the command line, with a unit or without.
struct WholeSeconds: ExpressibleByArgument {
    let count: Int

    init?(argument: String) {
        if let seconds = Int(argument), seconds >= 0 {
            count = seconds
            return
        }
        guard let duration = DurationText.parse(argument), duration.components.attoseconds == 0 else { return nil }
        count = Int(clamping: duration.components.seconds)
    }
}

extension CommandError {
    /// What a message queue refused: the one place where its errors get an exit code.
    init(_ error: QueueError) {
        let status: CommandStatus =
            switch error.code {
            case .noSuchQueue, .noSuchTopic: .noInput
            case .overLimit, .purgeInProgress, .noSuchTask, .unavailable: .unavailable
            case .full, .storage: .inputOutput
            case .queueExists, .unknownAttribute, .invalidAttribute, .invalidMessage, .tooLong, .invalidHandle,
                .notInFlight,
                .unsupported:
                .usage
            }
        let hint = error.code == .noSuchQueue ? " 'sluice queue list' shows those that there are." : ""
        self.init(status, error.message + hint)
    }

    /// What is wrong with a message.
    init(_ violation: MessageDraft.Violation) {
        switch violation {
        case .missing(parameter: "MessageBody"): self.init(.usage, "A message has at least one character.")
        case .missing(parameter: "MessageGroupId"):
            self.init(.usage, "A message of a FIFO queue needs a group: name one with --group.")
        case .missing(let parameter): self.init(.usage, "The message needs a \(parameter).")
        case .contents:
            self.init(
                .usage,
                "The message has characters that aren't allowed: control characters but tab, line feed and carriage return."
            )
        case .invalid(let message): self.init(.usage, message)
        }
    }
}
