import ArgumentParser
import Foundation
import SluiceCore

/// The flags of `sluice bench`.
struct BenchOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The gateway to load.", valueName: "http://host:port"))
    var url = "http://127.0.0.1:8080"
    @Option(help: ArgumentHelp("WebSockets, each subscribed to one of the topics.", valueName: "number"))
    var connections = 100
    @Option(help: ArgumentHelp("Topics, published to one after the other.", valueName: "number"))
    var topics = 10
    @Option(
        help: ArgumentHelp(
            "Publishes a second, on schedule whatever the answers take. Default: 50.",
            valueName: "number"
        )
    )
    var rate: Double?
    @Option(
        help: ArgumentHelp(
            "Instead of --rate: so many publishes at a time, each followed by the next when all its receivers have it.",
            valueName: "number"
        )
    )
    var inFlight: Int?
    @Option(help: ArgumentHelp("How long to measure.", valueName: "seconds"))
    var seconds = 10.0
    @Option(help: ArgumentHelp("How long to load before that without counting latency.", valueName: "seconds"))
    var warmUp = 1.0
    @Option(help: ArgumentHelp("Size of each payload, such as 200 or 64KiB.", valueName: "bytes"))
    var payloadBytes = "200"
    @Option(
        help: ArgumentHelp(
            "Topics are PREFIX/0, PREFIX/1 and so on; a token must allow to publish and subscribe to them. Default: bench/ and a random name.",
            valueName: "prefix"
        )
    )
    var topicPrefix: String?
    @Option(help: ArgumentHelp("Bearer token; others see flags, so better --token-file.", valueName: "text"))
    var token: String?
    @Option(help: ArgumentHelp("File with the bearer token.", valueName: "file"))
    var tokenFile: String?
    @Option(
        name: .customLong("publisher-url"),
        help: ArgumentHelp(
            "Operations address of a publisher, to show its stages too; may be repeated. Those of --data are found without.",
            valueName: "http://host:port"
        )
    )
    var publishers: [String] = []
    @Flag(help: "One JSON text instead of progress and tables, for programs.") var json = false

    /// Largest token file, bytes.
    private static let maximumTokenBytes = 16 * 1024

    /// Checks all that was given.
    /// - Throws: `usage`, with the flag, its value and what would be right; `noInput` for a token file that can't be read.
    func plan() throws(CommandError) -> BenchPlan {
        guard rate == nil || inFlight == nil else {
            throw CommandError(.usage, "--rate and --in-flight exclude each other: give one of them.")
        }
        guard let bytes = ByteCount.parse(payloadBytes) else {
            throw CommandError(
                .usage,
                "--payload-bytes '\(payloadBytes.printable(limit: 40))': it must be a size, such as 200 or 64KiB."
            )
        }
        return try BenchPlan(
            target: BenchTarget(url),
            connections: connections,
            topics: topics,
            pacing: inFlight.map(BenchPacing.inFlight) ?? .rate(rate ?? 50),
            seconds: seconds,
            warmUpSeconds: warmUp,
            payloadBytes: bytes,
            topicPrefix: topicPrefix,
            token: readToken()
        )
    }

    /// The publishers that are named.
    /// - Throws: `usage` for what is no address.
    func publisherAddresses() throws(CommandError) -> [String] {
        var addresses: [String] = []
        for publisher in publishers { addresses.append(try BenchTarget(publisher, flag: "--publisher-url").address) }
        return addresses
    }

    private func readToken() throws(CommandError) -> String? {
        guard token == nil || tokenFile == nil else {
            throw CommandError(.usage, "--token and --token-file exclude each other: give one of them.")
        }
        var text = token
        if let tokenFile {
            guard let file = FileHandle(forReadingAtPath: tokenFile),
                let content = try? file.read(upToCount: BenchOptions.maximumTokenBytes + 1)
            else {
                throw CommandError(
                    .noInput,
                    "--token-file \(tokenFile.printable(limit: 200)) can't be read or is empty."
                )
            }
            text = String(decoding: content, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        }
        guard let text else { return nil }
        guard !text.isEmpty, text.utf8.count <= BenchOptions.maximumTokenBytes,
            text.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else {
            throw CommandError(
                .usage,
                "The token isn't one: it must be 1 to \(BenchOptions.maximumTokenBytes) printable ASCII characters without spaces."
            )
        }
        return text
    }
}
