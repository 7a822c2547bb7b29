import ArgumentParser

/// `sluice queue …`: looks at the queue, whether or not the processes run.
struct QueueCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "queue",
        abstract: "Look at the queue; reads the data directory only, with or without the processes running.",
        subcommands: [QueueDepthCommand.self, QueuePeekCommand.self, QueueOldestCommand.self]
    )
}
