import ArgumentParser
import Glibc
import UnixSignals

/// `sluice up`: a gateway and a publisher as two child processes, for the quick start.
struct UpCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "up",
        abstract: "Run a gateway and a publisher as two processes; Ctrl-C drains both.",
        discussion: """
            Takes the flags of both. When one of the processes ends by itself, the other is drained, and the exit code is that of the \
            one that ended.
            """
    )

    @OptionGroup var common: CommonOptions
    @OptionGroup var gateway: GatewayFlags
    @OptionGroup(title: "Publisher's TLS on links") var linkAuthority: LinkAuthorityOptions
    @OptionGroup(title: "Publisher") var publisher: PublisherOptions

    func run() async throws {
        // Faulty settings are told once, before anything is started.
        _ = try await common.settings(groups)
        let (events, post) = AsyncStream<UpState.Event>.makeStream()
        var children: [ChildProcess] = []
        for part in Setting.Part.allCases { children.append(try start(part, post)) }
        // A task of its own for as long as the command runs: it only passes signals on.
        let signals = Task {
            for await _ in await UnixSignalsSequence(trapping: .sigterm, .sigint) { post.yield(.signal) }
        }
        defer { signals.cancel() }
        var state = UpState()
        for await event in events {
            for action in state.handle(event) {
                switch action {
                case .announce(let address): announce(address)
                case .stop(let part): for child in children where child.part == part { child.stop() }
                case .report(let part, let code):
                    Terminal.writeError("sluice: the \(part) ended with code \(code); stopping the other process\n")
                case .finish(let code): throw ExitCode(code)
                }
            }
        }
    }

    private var groups: [any SettingOptions] { gateway.groups + [linkAuthority, publisher] }

    private func start(
        _ part: Setting.Part,
        _ post: AsyncStream<UpState.Event>.Continuation
    ) throws(CommandError) -> ChildProcess {
        let prefix = UpCommand.prefix(part)
        return try ChildProcess(
            part,
            arguments: arguments(for: part),
            lines: { line, isError in
                if !isError, line.hasPrefix("listening ") {
                    post.yield(.listening(part, address: String(line.dropFirst("listening ".count))))
                }
                Terminal.writeError(prefix + line + "\n")
            },
            ended: { code in post.yield(.ended(part, code: code)) }
        )
    }

    /// The flags that were given, as far as they are for `part`; the rest comes from the environment and the file, as here.
    private func arguments(for part: Setting.Part) -> [String] {
        let flags = CommonOptions.flags([common] + groups)
        var arguments = common.configurationFile.map { ["--config=\($0)"] } ?? []
        for setting in Setting.all where setting.parts.contains(part) {
            guard let text = flags[setting.name] else { continue }
            if case .onOff = setting.kind {
                arguments.append(text == "true" ? setting.flag : "--no-\(setting.name)")
            } else {
                arguments.append("\(setting.flag)=\(text)")
            }
        }
        return arguments
    }

    private static func prefix(_ part: Setting.Part) -> String {
        let name = part == .gateway ? "gateway   | " : "publisher | "
        guard Terminal.hasColours(STDERR_FILENO) else { return name }
        return (part == .gateway ? Terminal.blue : Terminal.magenta) + name + Terminal.plain
    }

    private func announce(_ address: String) {
        Terminal.write(
            """

            Sluice is up. Open the demo page, and publish from another terminal:

                \(address)/
                curl -d '{"hello":"world"}' -H 'Content-Type: application/json' \(address)/topics/orders/42

            Ctrl-C drains and stops both processes.


            """
        )
    }
}
