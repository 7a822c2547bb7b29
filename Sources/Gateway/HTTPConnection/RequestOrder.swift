import NIOCore

/// Keeps the answers of one connection in the order of its requests (RFC 9112, section 9.3.2).
///
/// Publishes may run side by side: their answers are kept until the ones before them are due. Routed requests may
/// follow each other, for Hummingbird answers them one by one. A request of one kind waits until all those of the other
/// kind are answered.
struct RequestOrder<Answer> {
    private var kind: RequestKind = .publish
    private var answers = CircularBuffer<Answer?>()
    private var firstPublish: UInt64 = 0
    private var routedCount = 0

    /// Requests that have begun and aren't answered.
    var count: Int { answers.count + routedCount }
    /// Whether every request that began is answered.
    var isEmpty: Bool { count == 0 }
    /// Whether a publish has begun and isn't answered.
    var hasPublishes: Bool { !answers.isEmpty }
    /// Whether a routed request has begun and isn't answered.
    var hasRouted: Bool { routedCount > 0 }

    /// Whether a request may begin now.
    ///
    /// `alone`: it wants an interim answer, thus needs its turn (RFC 9110, section 10.1.1).
    func admits(_ kind: RequestKind, alone: Bool) -> Bool {
        isEmpty || (!alone && self.kind == kind)
    }

    /// Begins an admitted publish.
    /// - Returns: its number, for ``answer(_:with:)``.
    mutating func beginPublish() -> UInt64 {
        kind = .publish
        answers.append(nil)
        return firstPublish &+ UInt64(answers.count) &- 1
    }

    /// Begins an admitted routed request.
    mutating func beginRouted() {
        kind = .routed
        routedCount += 1
    }

    /// Keeps the answer of publish `number`.
    ///
    /// ``nextDue()`` then gives what may be written.
    /// - Returns: false when the publish is unknown or already answered; the answer is dropped.
    mutating func answer(_ number: UInt64, with answer: Answer) -> Bool {
        guard let offset = Int(exactly: number &- firstPublish), offset < answers.count else { return false }
        let index = answers.index(answers.startIndex, offsetBy: offset)
        guard answers[index] == nil else { return false }
        answers[index] = answer
        return true
    }

    /// Takes the oldest publish's answer if it has come.
    mutating func nextDue() -> Answer? {
        guard let first = answers.first, let answer = first else { return nil }
        answers.removeFirst()
        firstPublish &+= 1
        return answer
    }

    /// The oldest routed request's answer has been written.
    mutating func routedAnswered() {
        if routedCount > 0 { routedCount -= 1 }
    }
}

/// Who answers a request: the two share a connection and their answers keep the requests' order.
enum RequestKind: Equatable, Sendable {
    /// ``HTTPConnectionHandler``, on the event loop.
    case publish
    /// Hummingbird's router, in a task of the request's own.
    case routed
}
