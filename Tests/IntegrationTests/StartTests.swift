import SluiceCore
import Testing

@testable import sluice

@Suite("Start")
struct StartTests {
    @Test(
        "what can't start ends with its exit code",
        .timeLimit(.minutes(1)),
        arguments: [
            (["gateway", "--data", "/proc/nowhere", "--port", "0"], CommandStatus.cannotCreate),
            (["publisher", "--data", "/proc/nowhere"], .cannotCreate),
            (["gateway", "--port", "http"], .usage),
            (["gateway", "--config", "/nonexistent.json"], .configuration),
            (["queue", "depth", "--data", "/nonexistent"], .noInput),
            (["latency", "--data", "/nonexistent"], .noInput),
            (["connections", "--data", "/nonexistent"], .noInput),
            (["queue", "peek", "--count", "0"], .usage),
        ]
    )
    func refuses(arguments: [String], status: CommandStatus) async throws {
        #expect(try await SluiceProcess.run(arguments).code == status.rawValue)
    }

    @Test("a port in use ends the gateway with 69", .timeLimit(.minutes(1)))
    func portInUse() async throws {
        let (first, second) = (TestSluice(.sqs), TestSluice(.sqs))
        let gateway = try await first.startGateway()
        let code = try await SluiceProcess.run(["gateway", "--data", second.directory, "--port", "\(gateway.port)"])
            .code
        #expect(code == CommandStatus.unavailable.rawValue)
    }
}
