import Foundation
import Gateway
import SluiceCore
import Testing

@testable import ShopExample

/// What docs/embedding.md shows, compiled and run: with the public interface alone.
@Suite("Embedding")
struct EmbeddingTests {
    private static let root = URL(filePath: #filePath).appending(path: "../../../..").standardized

    @Test("the documentation shows the example package, byte for byte and whole")
    func documentation() throws {
        let page = try String(contentsOf: Self.root.appending(path: "docs/embedding.md"), encoding: .utf8)
        let shown = page.components(separatedBy: "```swift\n").dropFirst().map {
            String($0.components(separatedBy: "```\n")[0])
        }
        let example = Self.root.appending(path: "Examples/Shop")
        let sources = example.appending(path: "Sources/Shop")
        let files = try FileManager.default.contentsOfDirectory(at: sources, includingPropertiesForKeys: nil)
        let compiled = try ([example.appending(path: "Package.swift")] + files).map {
            try String(contentsOf: $0, encoding: .utf8)
        }
        #expect(shown.sorted() == compiled.sorted())
    }

    @Test("an own handler and an own authorizer do what the documentation says")
    func example() async throws {
        try await RunningGateway.run(authorizer: TeamAuthorizer(), handlers: [PlaceOrder.handler]) {
            gateway async throws in
            let red = ["authorization: Bearer red"]
            let placed = try await gateway.send("POST", "/teams/red/orders", #"{"id":7,"total":3}"#, fields: red)
            #expect(placed.status == 201)
            #expect(placed.body == #"{"id":7}"#)
            let history = try await gateway.send("GET", "/topics/teams/red/orders/7/records", fields: red)
            #expect(history.body.contains(#""data":{"id":7,"total":3}"#))

            let order = #"{"id":7,"total":3}"#
            #expect(try await gateway.send("POST", "/teams/blue/orders", order, fields: red).code == "Forbidden")
            #expect(try await gateway.send("GET", "/topics/teams/blue/orders/7", fields: red).code == "Forbidden")
            #expect(try await gateway.send("POST", "/topics/teams/red/orders/7", "1", fields: red).code == "Forbidden")
            #expect(try await gateway.send("POST", "/teams/red/orders", order).code == "Unauthorized")
            #expect(try await gateway.send("POST", "/teams/red/orders", "{}", fields: red).code == "InvalidRequest")
        }
    }
}
