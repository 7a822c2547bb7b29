import NIOCore
import SluiceCore

@testable import FanOut

/// An event as `topic#sequence:payload;`, in two flavours.
struct TestFormat: EventFormat {
    let mark: String

    static let all: [any EventFormat] = [TestFormat(mark: ";"), TestFormat(mark: "|")]

    func append(_ record: ChangeRecord, to events: inout ByteBuffer, scratch: inout [UInt8]) {
        events.writeString("\(record.topic.name)#\(record.sequence):")
        events.writeBytes(record.payload)
        events.writeString(mark)
    }
}

extension SubscriptionWish {
    static let first = SubscriptionWish(format: EventFormatID(rawValue: 0))
    static let second = SubscriptionWish(format: EventFormatID(rawValue: 1))
}
