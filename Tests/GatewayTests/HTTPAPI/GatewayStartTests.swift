import Foundation
import SluiceCore
import Testing

@testable import Gateway

/// What keeps a gateway from starting, and how it is told.
@Suite("Gateway start")
struct GatewayStartTests {
    private func failure(_ configure: (inout GatewayConfiguration) throws -> Void) async throws -> GatewayError? {
        do {
            try await RunningGateway.run(configure: configure) { _ in }
            return nil
        } catch let error as GatewayError {
            return error
        }
    }

    @Test("a port that is in use")
    func portInUse() async throws {
        try await RunningGateway.run { other async throws in
            let error = try await failure { $0.port = other.port }
            #expect(error?.code == .portInUse)
            #expect(error?.message.contains("\(other.port)") == true)
        }
    }

    @Test("an address of another host")
    func foreignAddress() async throws {
        let error = try await failure {
            $0.host = "192.0.2.1"
            $0.isAllowAllChosen = true
        }
        #expect(error?.code == .cannotListen)
    }

    @Test("a data directory that can't be made")
    func dataDirectory() async throws {
        let error = try await failure { $0.dataDirectory = "/dev/null/sluice" }
        #expect(error?.code == .dataDirectory)
        #expect(error?.message.contains("/dev/null/sluice") == true)
    }

    @Test("everybody's access on an address that others can reach, unless it was chosen")
    func access() throws {
        var configuration = GatewayConfiguration()
        for host in ["0.0.0.0", "::", "10.0.0.1", "example.com"] {
            configuration.host = host
            #expect(throws: GatewayError.self) { try GatewayError.checkAccess(configuration, AllowAllAuthorizer()) }
        }
        configuration.isAllowAllChosen = true
        try GatewayError.checkAccess(configuration, AllowAllAuthorizer())
        configuration.isAllowAllChosen = false
        for host in ["127.0.0.1", "127.1.2.3", "::1", "localhost"] {
            configuration.host = host
            try GatewayError.checkAccess(configuration, AllowAllAuthorizer())
        }
    }
}
