/// A message that isn't through yet: not answered, or not with all its receivers.
struct OutstandingMessage {
    /// What became of its publish.
    enum Publish: Equatable {
        case waiting
        /// Answered 202, at this time.
        case acknowledged(nanoseconds: UInt64)
        /// The connection broke before the answer: it may be stored or not.
        case unanswered
    }

    let topic: Int
    let dueNanoseconds: UInt64
    /// When it was handed over to be sent.
    let sentNanoseconds: UInt64
    /// How many were connected to its topic then.
    let receivers: Int
    var publish = Publish.waiting
    /// Who hasn't got it yet.
    var missing: ReceiverSet
    /// Receivers whose connection ended before they had it.
    var lost = 0
    /// Whether it still takes one of the places in flight.
    var holdsPlace = true

    init(topic: Int, dueNanoseconds: UInt64, sentNanoseconds: UInt64, receivers: ReceiverSet) {
        self.topic = topic
        self.dueNanoseconds = dueNanoseconds
        self.sentNanoseconds = sentNanoseconds
        self.receivers = receivers.count
        missing = receivers
    }

    var acknowledgedNanoseconds: UInt64? {
        if case .acknowledged(let nanoseconds) = publish { nanoseconds } else { nil }
    }

    /// Whether it is in the log for certain: then all of its receivers must get it.
    var isStored: Bool { acknowledgedNanoseconds != nil || missing.count + lost < receivers }

    /// Whether nothing more is to come.
    var isThrough: Bool { publish != .waiting && missing.count == 0 }
}
