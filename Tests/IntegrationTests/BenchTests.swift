import SluiceCore
import Testing

@testable import sluice

@Suite("Bench", .serialized)
struct BenchTests {
    @Test("a running system is loaded and delivers everything exactly once", .timeLimit(.minutes(2)))
    func loads() async throws {
        let sluice = TestSluice(.sqs)
        let gateway = try await sluice.startGateway()
        _ = try await sluice.startPublisher()
        let (code, output) = try await SluiceProcess.run([
            "bench", "--url", gateway.address, "--data", sluice.directory, "--connections", "30", "--topics", "4",
            "--rate",
            "100", "--seconds", "1", "--warm-up", "0.2", "--json",
        ])
        let report = try JSONValue(output)
        let text = String(decoding: output, as: UTF8.self)
        #expect(code == 0, "\(text)")
        #expect(report["good"]?.boolean == true, "\(text)")
        #expect(report["publishes"]?["sent"]?.unsignedInteger == 120)
        #expect(report["publishes"]?["acknowledged"]?.unsignedInteger == 120)
        // 120 messages on 4 topics in turn; 30 receivers are 8, 8, 7 and 7.
        #expect(report["deliveries"]?["expected"]?.unsignedInteger == 900)
        #expect(report["deliveries"]?["received"]?.unsignedInteger == 900)
        for fault in ["lost", "repeated", "outOfOrder", "holes", "unknown"] {
            #expect(report["deliveries"]?[ByteString(fault)]?.unsignedInteger == 0, "\(fault)")
        }
        #expect(report["latency"]?["delivery"]?["count"]?.unsignedInteger == 750)
        let stages = Set((report["stages"]?.elements ?? []).compactMap { $0["stage"]?.string })
        #expect(stages.isSuperset(of: ["commit", "hop", "total"]))
    }

    @Test("what isn't delivered is lost, and the exit code says so", .timeLimit(.minutes(2)))
    func withoutPublisher() async throws {
        let sluice = TestSluice(.sqs)
        let gateway = try await sluice.startGateway()
        let (code, output) = try await SluiceProcess.run([
            "bench", "--url", gateway.address, "--data", sluice.directory, "--connections", "2", "--topics", "1",
            "--in-flight", "3", "--seconds", "0.2", "--warm-up", "0", "--json",
        ])
        let report = try JSONValue(output)
        #expect(code == 1)
        #expect(report["good"]?.boolean == false)
        #expect(report["publishes"]?["acknowledged"]?.unsignedInteger == 3)
        #expect(report["deliveries"]?["lost"]?.unsignedInteger == 6)
    }

    @Test("a gateway that isn't there is told with its address and what to do", .timeLimit(.minutes(1)))
    func noGateway() async throws {
        // The discard port: nobody listens there.
        let (code, errors) = try await SluiceProcess.runForErrors(["bench", "--url", "http://127.0.0.1:9"])
        #expect(code == CommandStatus.unavailable.rawValue)
        #expect(errors.contains("No gateway answers at http://127.0.0.1:9: the connection is refused."))
        #expect(errors.contains("--url"))
    }

    @Test("what isn't a gateway's WebSocket is told with its answer", .timeLimit(.minutes(1)))
    func refused() async throws {
        let sluice = TestSluice(.sqs)
        let publisher = try await sluice.startPublisher()
        let (code, errors) = try await SluiceProcess.runForErrors(["bench", "--url", publisher.address])
        #expect(code == CommandStatus.unavailable.rawValue)
        #expect(errors.contains("The gateway refuses WebSockets: 404"), "\(errors)")
    }
}
