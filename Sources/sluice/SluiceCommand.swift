import ArgumentParser
import Glibc
import SluiceCore

/// The program, which parses, configures and runs; all behaviour is in the libraries.
@main
struct SluiceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sluice",
        abstract: "Delivers changes to browsers and devices the moment they are committed, and loses none.",
        discussion: """
            Every setting is a flag, an environment variable (--drain-window: SLUICE_DRAIN_WINDOW) and a member of the JSON file that \
            --config or SLUICE_CONFIG names (drainWindow); a flag wins over a variable, and that over the file. \
            docs/operations.md explains settings and exit codes.
            """,
        version: SluiceVersion.current,
        subcommands: [
            UpCommand.self, GatewayCommand.self, PublisherCommand.self, QueueCommand.self, TopicCommand.self,
            StreamCommand.self,
            LatencyCommand.self, ConnectionsCommand.self, BenchCommand.self,
        ]
    )

    static func main() async {
        // A reader of our output that goes away must not end a server.
        signal(SIGPIPE, SIG_IGN)
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            LogOutput.standardError.flush()
        } catch let error as CommandError {
            LogOutput.standardError.flush()
            if !error.isTold { Terminal.writeError("sluice: \(error)\n") }
            Glibc.exit(error.status.rawValue)
        } catch {
            exit(withError: error)
        }
    }
}
