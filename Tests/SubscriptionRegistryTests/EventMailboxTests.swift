import SluiceCore
import Testing

@testable import SQLiteRegistry
@testable import SubscriptionRegistry

@Suite struct EventMailboxTests {
    private var mailbox = EventMailbox(maximumWaiting: 2)
    private let subscribe = RegistryEvent.subscribe(
        SubscribeRequest(connection: .random(), topics: ["t"], atNanoseconds: 0, then: { _ in })
    )

    private mutating func post(_ event: RegistryEvent) -> String {
        switch mailbox.post(event) {
        case .wake: "wake"
        case .posted: "posted"
        case .refused(let error): error.code.rawValue
        }
    }

    @Test("the writer is woken by the first event and not again until it has looked")
    mutating func waking() {
        #expect(post(.disconnected(.random())) == "wake")
        #expect(post(.disconnected(.random())) == "posted")
        #expect(mailbox.removeAll().count == 2)
        #expect(post(.disconnected(.random())) == "wake")
    }

    @Test("subscribes beyond the limit are refused until the writer has taken some, and a disconnect never is")
    mutating func limit() {
        #expect(post(subscribe) == "wake")
        #expect(post(subscribe) == "posted")
        #expect(post(subscribe) == "overloaded")
        #expect(post(.disconnected(.random())) == "posted")
        #expect(mailbox.removeAll().count == 3)
        #expect(post(subscribe) == "wake")
    }

    @Test("a closed mailbox refuses everything")
    mutating func closed() {
        mailbox.close()
        #expect(post(subscribe) == "closed")
        #expect(post(.disconnected(.random())) == "closed")
    }
}
