import SluiceCore
import TestSupport
import Testing

@testable import SQLiteRegistry
@testable import SubscriptionRegistry

@Suite struct TopicGatewaysTests {
    private let one = GatewayID("1")
    private let two = GatewayID("2")

    private func made() -> TopicGateways {
        var view = TopicGateways()
        for (index, id) in [one, two].enumerated() {
            view.set(
                GatewayRow(
                    id: id,
                    name: id.rawValue,
                    linkAddress: "",
                    httpAddress: "",
                    startedAtNanoseconds: UInt64(10 - index)
                )
            )
        }
        return view
    }

    @Test("a topic has each gateway once, in the order they came")
    func order() {
        var view = made()
        for gateway in [two, one, two] { view.add(gateway, to: "t") }
        #expect(view.gateways(for: "t") == [two, one])
        view.remove(two, from: "t")
        #expect(view.gateways(for: "t") == [one])
        view.remove(one, from: "t")
        #expect(view.gateways(for: "t").isEmpty && view.topicCount == 0)
    }

    @Test("a gateway that is removed leaves no topic behind")
    func removal() {
        var view = made()
        view.add(one, to: "t")
        view.add(one, to: "u")
        view.add(two, to: "u")
        view.remove(one)
        #expect(view.gateways(for: "t").isEmpty)
        #expect(view.gateways(for: "u") == [two])
        #expect(view.gateways.map(\.id) == [two])
    }

    @Test("the gateways are listed oldest first")
    func listing() {
        #expect(made().gateways.map(\.id) == [two, one])
    }

    @Test(
        "what it finds is what a plain dictionary holds, also when topics look alike and gateways go and come back",
        arguments: [40, 8, 2] as [UInt64]
    )
    func likeADictionary(hashBits: UInt64) {
        var random = SeededGenerator(seed: SeededGenerator.printedSeed())
        var view = TopicGateways(fingerprints: TopicFingerprints(hashBits: hashBits))
        var plain: [Topic: [GatewayID]] = [:]
        let gateways = (0..<4).map { GatewayID("\($0)") }
        for _ in 0..<20_000 {
            let gateway = gateways[Int.random(in: 0..<4, using: &random)]
            let topic = Topic(alreadyChecked: "orders/\(Int.random(in: 0..<300, using: &random))")
            switch Int.random(in: 0..<1_000, using: &random) {
            case 0:
                view.remove(gateway)
                plain = plain.mapValues { $0.filter { $0 != gateway } }
            case 1..<600:
                view.add(gateway, to: topic)
                if plain[topic]?.contains(gateway) != true { plain[topic, default: []].append(gateway) }
            default:
                view.remove(gateway, from: topic)
                plain[topic]?.removeAll { $0 == gateway }
            }
            for topic in plain.keys.prefix(8) + [topic] {
                let expected = plain[topic] ?? []
                // Of a topic that nobody has, it may say the gateway of one that looks like it.
                guard hashBits == 40 || !expected.isEmpty, view.gateways(for: topic) != expected else { continue }
                Issue.record("\(topic): \(view.gateways(for: topic)), not \(expected)")
                return
            }
        }
        for (topic, gateways) in plain where !gateways.isEmpty { #expect(view.gateways(for: topic) == gateways) }
        #expect(view.topicCount == plain.values.count { !$0.isEmpty })
    }
}
