import ArgumentParser
import QueueEngine
import Queues
import SluiceCore

/// `sluice queue purge`: removes all messages of a message queue.
struct QueuePurgeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "purge",
        abstract: "Remove all messages of a message queue, those in flight too; asks first."
    )

    @OptionGroup var options: MessageQueueOptions
    @Argument(help: "The queue's name.") var name: String
    @Flag(help: "Don't ask.") var yes = false
    @Flag(help: "One JSON object, for programs.") var json = false

    func run() async throws {
        let id = try QueueID(argument: name)
        let removed = try await options.change { service in
            let messages = try service.figures(of: try service.queue(id)).total
            try Confirmation.ask("Remove the \(messages) messages of the queue \(id)", isGiven: yes)
            try await service.purge(id)
            return messages
        }
        guard json else { return Terminal.write("The queue \(id) is purged.\n") }
        Terminal.write(MessageQueueReport.removed(removed, from: id).text + "\n")
    }
}

/// `sluice queue trim`: removes a message queue's old messages.
struct QueueTrimCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trim",
        abstract:
            "Remove the messages of a message queue that are older than so long, those in flight too; asks first.",
        discussion: "A message's age counts from when it was sent; that of a dead letter, too."
    )

    @OptionGroup var options: MessageQueueOptions
    @Argument(help: "The queue's name.") var name: String
    @Option(
        name: .customLong("older-than"),
        help: ArgumentHelp("The age, such as 12h or 7d; a number alone is seconds.", valueName: "duration")
    )
    var olderThan: WholeSeconds
    @Flag(help: "Don't ask.") var yes = false
    @Flag(help: "One JSON object, for programs.") var json = false

    func run() async throws {
        let id = try QueueID(argument: name)
        let removed = try await options.change { service in
            _ = try service.queue(id)
            let age = DurationText.text(.seconds(olderThan.count))
            try Confirmation.ask("Remove the messages of the queue \(id) that are older than \(age)", isGiven: yes)
            var progress = ProgressLine()
            defer { progress.end() }
            return try await service.trim(id, olderThanSeconds: olderThan.count) { removed in
                progress.show("\(removed) messages removed")
            }
        }
        guard json else { return Terminal.write("\(removed) messages removed\n") }
        Terminal.write(MessageQueueReport.removed(removed, from: id).text + "\n")
    }
}
