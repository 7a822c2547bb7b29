@testable import SluiceCore

/// What is sent in all suites: records with 200 bytes of JSON.
enum Samples {
    /// 200 bytes.
    static let payload: [UInt8] = {
        let start =
            #"{"order":48151,"state":"packed","customer":{"id":"c-1623","city":"Utrecht"},"total":42.5,"note":""#
        let end = #""}"#
        let filler = String(repeating: "x", count: 200 - start.utf8.count - end.utf8.count)
        return Array((start + filler + end).utf8)
    }()

    /// One of many topics.
    static func topic(_ number: Int) -> Topic { Topic(alreadyChecked: "orders/region-7/\(number)") }

    /// The topic's record after the one before.
    static func record(_ sequence: UInt64, topic: Topic) -> ChangeRecord {
        ChangeRecord(
            RecordDraft(topic: topic, payload: payload),
            sequence: SequenceNumber(sequence),
            previous: SequenceNumber(sequence - 1),
            acceptedAtWallNanoseconds: StageClock.wallNanoseconds()
        )
    }
}
