import SluiceCore
import Testing

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
}
