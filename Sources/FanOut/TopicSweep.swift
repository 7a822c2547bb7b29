import NIOCore
import SluiceCore

/// Records of one topic on their way round the topic's subscriptions.
///
/// A sweep goes from subscription to subscription, in a ring. At each it leaves everything that has come since it was
/// there last, in one piece; a record is done when the sweep is back where it was when the record came. So under load a
/// socket is written to once a round, with all of the round's records, and a record that comes alone waits for nobody.
///
/// What goes round together is bounded in bytes: large frames are copied from the processor's cache to one socket after the other, and gain nothing
/// from being left in one piece. Records beyond wait until those before them are done.
///
/// A value: the loop's shell does the writing. Where a subscription stands is kept in ``Subscription/startAfter``.
struct TopicSweep {
    /// Where a record's round ends.
    private struct Stop: Equatable {
        var round: UInt64
        var position: Int

        func isReached(_ round: UInt64, _ position: Int) -> Bool {
            self.round < round || (self.round == round && self.position <= position)
        }
    }

    /// A record whose round is over.
    struct Done {
        /// The delivery that it came with; nil when it was read from the log.
        let delivery: DeliveryGroup.Part?
        /// Sockets that took it.
        let sockets: UInt32
    }

    /// The topic's feed.
    private(set) var feed: Int
    /// Tells the feed from others that have had its place.
    var feedNumber: UInt64 { shape.feedNumber }
    /// Its frames, in the order of the log.
    var frames: TopicFrames
    private var shape: TopicFeed.Shape
    // By record, apart from each other because a visit walks over each of them alone.
    private(set) var sequences: [SequenceNumber] = []
    private var sockets: [UInt32] = []
    private var stops: [Stop] = []
    private(set) var deliveries: [DeliveryGroup.Part?] = []
    // Records that go round after these.
    private var waiting = CircularBuffer<(record: ChangeRecord, delivery: DeliveryGroup.Part?)>()
    private var payloadBytes: [Int] = []
    private var roundBytes = 0
    // The topic's last subscription is gone: nothing goes round any more.
    private var isGone = false
    private var round: UInt64 = 0
    private var roundBeganAtNanoseconds: UInt64 = 0
    private var isRoundNew = false
    /// The subscription that comes next.
    private(set) var position = 0

    init(feed: Int, shape: TopicFeed.Shape, formats: [any EventFormat], nowNanoseconds: UInt64) {
        frames = TopicFrames(formats)
        self.feed = feed
        self.shape = shape
        roundBeganAtNanoseconds = nowNanoseconds
    }

    /// Begins anew for another feed, with the memory that there is.
    mutating func begin(feed: Int, shape: TopicFeed.Shape, nowNanoseconds: UInt64) {
        roundBeganAtNanoseconds = nowNanoseconds
        isRoundNew = false
        self.feed = feed
        self.shape = shape
        isGone = false
        round = 0
        position = 0
    }

    /// Whether a round has ended and ``rest(nowNanoseconds:)`` is to be asked.
    var mayRest: Bool { isRoundNew }

    /// How long the sweep rests before it goes on: a quarter of the last round, if it has just ended and others follow it
    /// without a gap.
    ///
    /// A write costs the same with one record or ten, for the gateway and for the client. So a sweep that never stops
    /// wins more from a few records more at each visit than it loses by waiting for them; one that a single record
    /// brought about never rests.
    mutating func rest(nowNanoseconds now: UInt64) -> UInt64 {
        defer { isRoundNew = false }
        guard mayRest, !isIdle else { return 0 }
        let duration = now &- roundBeganAtNanoseconds
        let rest =
            duration < TopicSweep.shortRoundNanoseconds ? 0 : min(duration / 4, TopicSweep.longestRestNanoseconds)
        roundBeganAtNanoseconds = now &+ rest
        return rest
    }

    private static let shortRoundNanoseconds: UInt64 = 1_000_000
    private static let longestRestNanoseconds: UInt64 = 5_000_000

    /// Whether no record is on its way.
    var isIdle: Bool { sequences.isEmpty }

    /// The newest record; everything up to it is left at each visit.
    var last: SequenceNumber { sequences.last ?? .none }

    /// Payloads that go round together, bytes; one that is larger goes round alone.
    static let maximumRoundBytes = 1024 * 1024

    /// Adds the topic's next record.
    mutating func add(_ record: ChangeRecord, _ delivery: DeliveryGroup.Part?) {
        guard waiting.isEmpty, hasRoom(for: record) else { return waiting.append((record, delivery)) }
        admit(record, delivery)
    }

    private func hasRoom(for record: ChangeRecord) -> Bool {
        isIdle || roundBytes + record.payload.count <= TopicSweep.maximumRoundBytes
    }

    private mutating func admit(_ record: ChangeRecord, _ delivery: DeliveryGroup.Part?) {
        frames.append(record)
        payloadBytes.append(record.payload.count)
        roundBytes += record.payload.count
        sequences.append(record.sequence)
        sockets.append(0)
        deliveries.append(delivery)
        stops.append(Stop(round: round + 1, position: position))
    }

    /// The first record that a subscription needs which has everything up to `sequence`; the count of the records when
    /// it needs none.
    func firstRecord(after sequence: SequenceNumber) -> Int {
        var index = sequences.count
        while index > 0, sequences[index - 1] > sequence { index -= 1 }
        return index
    }

    /// How many subscriptions come next before the list ends or a record is done.
    func run(of count: Int) -> Int {
        guard let stop = stops.first else { return 0 }
        return (stop.round == round ? min(stop.position, count) : count) - position
    }

    /// A subscriber was given the records from `first` on.
    mutating func noteWritten(from first: Int) {
        for index in first..<sockets.count { sockets[index] += 1 }
    }

    /// Goes on to the next subscription.
    mutating func advance() { position += 1 }

    /// Takes over what has become of the list since the last visit: at its end the next round begins, and where a
    /// subscription has changed places that hasn't got a record, the record goes round once more, so that none is passed
    /// over.
    ///
    /// Only then: a topic that clients come to and leave all the time would otherwise never be done with a record.
    mutating func follow(_ current: TopicFeed.Shape?) {
        guard let current, current.count > 0 else {
            isGone = true
            stops = stops.map { _ in Stop(round: 0, position: 0) }
            return
        }
        if position >= current.count {
            position = 0
            round += 1
            isRoundNew = true
        }
        for index in firstRecord(after: current.leastMoved)..<stops.count {
            stops[index] = Stop(round: round + 1, position: position)
        }
        shape = current
    }

    /// Removes the records whose round is over.
    mutating func removeDone() -> [Done] {
        var count = 0
        while count < stops.count, stops[count].isReached(round, position) { count += 1 }
        guard count > 0 else { return [] }
        var done = (0..<count).map { Done(delivery: deliveries[$0], sockets: sockets[$0]) }
        sequences.removeFirst(count)
        sockets.removeFirst(count)
        deliveries.removeFirst(count)
        stops.removeFirst(count)
        for bytes in payloadBytes[..<count] { roundBytes -= bytes }
        payloadBytes.removeFirst(count)
        frames.removeFirst(count)
        if isGone {
            done += waiting.map { Done(delivery: $0.delivery, sockets: 0) }
            waiting.removeAll(keepingCapacity: true)
        }
        while let next = waiting.first, hasRoom(for: next.record) {
            waiting.removeFirst()
            admit(next.record, next.delivery)
        }
        return done
    }
}
