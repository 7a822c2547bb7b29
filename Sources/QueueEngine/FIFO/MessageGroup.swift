/// A group of a FIFO queue as its receivers have it, as a value: what of it is in flight, and when more of it can be received.
///
/// While one message of a group is in flight nobody else gets any of it; so a group is in order whatever its receivers do. A group that is ready
/// stands in a line behind those that were ready before it, so that one with very many messages takes turns with the others.
package struct MessageGroup: Hashable, Sendable {
    /// A message in flight.
    package struct Held: Hashable, Sendable {
        /// Its ordinal.
        package let ordinal: UInt64
        /// When it is visible again, wall clock, nanoseconds since 1970.
        package var visibleAtNanoseconds: UInt64

        package init(ordinal: UInt64, visibleAtNanoseconds: UInt64) {
            self.ordinal = ordinal
            self.visibleAtNanoseconds = visibleAtNanoseconds
        }
    }

    /// Where the group stands.
    package enum Phase: Hashable, Sendable {
        /// Its next messages can be received when its turn comes.
        case ready(turn: UInt64)
        /// Nothing of it can be received before that time, wall clock, nanoseconds since 1970.
        case blocked(untilNanoseconds: UInt64)
    }

    /// Where it stands.
    package private(set) var phase: Phase
    /// What of it is in flight, in the order of its messages.
    package private(set) var held: [Held]

    /// A group that is ready, with its place in the line.
    package init(turn: UInt64) {
        phase = .ready(turn: turn)
        held = []
    }

    /// A group as it was stored.
    package init(phase: Phase, held: [Held]) {
        self.phase = phase
        self.held = held
    }

    /// One more of its messages is in flight.
    package mutating func hold(_ ordinal: UInt64, untilNanoseconds: UInt64) {
        held.append(Held(ordinal: ordinal, visibleAtNanoseconds: untilNanoseconds))
        block()
    }

    /// Its next message can't be received yet: its delay isn't over.
    package mutating func wait(untilNanoseconds: UInt64) {
        guard held.isEmpty else { return }
        phase = .blocked(untilNanoseconds: untilNanoseconds)
    }

    /// A blocked group's time has come.
    /// - Returns: messages that are in flight no more, since nobody deleted them in time.
    package mutating func wake(nowNanoseconds now: UInt64, turn: UInt64) -> [UInt64] {
        let lapsed = held.filter { $0.visibleAtNanoseconds <= now }
        held.removeAll { $0.visibleAtNanoseconds <= now }
        if held.isEmpty { phase = .ready(turn: turn) } else { block() }
        return lapsed.map(\.ordinal)
    }

    /// A message of it is deleted, or visible again; it was in flight, or passed over.
    /// - Returns: whether the group is ready because of it.
    package mutating func release(_ ordinal: UInt64, turn: UInt64) -> Bool {
        held.removeAll { $0.ordinal == ordinal }
        guard held.isEmpty else {
            block()
            return false
        }
        guard case .blocked = phase else { return false }
        phase = .ready(turn: turn)
        return true
    }

    /// A message in flight stays so until another time.
    package mutating func hide(_ ordinal: UInt64, untilNanoseconds: UInt64) {
        guard let place = held.firstIndex(where: { $0.ordinal == ordinal }) else { return }
        held[place].visibleAtNanoseconds = untilNanoseconds
        block()
    }

    /// The whole group waits for the last of what is in flight: what is visible again before it would come behind it.
    private mutating func block() {
        phase = .blocked(untilNanoseconds: held.reduce(0) { max($0, $1.visibleAtNanoseconds) })
    }
}
