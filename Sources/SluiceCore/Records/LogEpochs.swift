/// One span of a log's history: from an opening by a first writer to the next.
///
/// A number of a position means something only together with its epoch: a log that was restored from a copy, or made anew, gives the same
/// numbers to other records. Kafka's leader epochs are the model (KIP-101).
public struct LogEpoch: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// A random number; 0 for an epoch that no log has.
    public let rawValue: UInt64

    /// Wraps a number.
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// An epoch that no log has.
    public static let unknown = LogEpoch(rawValue: 0)

    /// Draws a new one.
    public static func random() -> LogEpoch { LogEpoch(rawValue: .random(in: 1 ... .max)) }

    /// Sixteen hexadecimal digits.
    public var description: String {
        let digits = String(rawValue, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}

/// An epoch as clients keep it beside a number: its name, and those of the epochs before it with where each was left.
///
/// So a log that was restored from a copy, and doesn't know the epoch itself, still finds the last one that it shares with the client.
package struct EpochClaim: Equatable, Sendable {
    /// An epoch, and the number with which it began.
    package typealias Link = LogEpochs.Beginning

    /// Epochs before the last that a claim names.
    static let maximumAncestors = 4
    private static let maximumBytes = 256

    /// Newest first; the first number of the last one isn't known.
    let links: [Link]

    /// Names the newest of a log's epochs; those in which no record was given are left out of its past.
    init(_ beginnings: [LogEpochs.Beginning]) {
        var links: [Link] = []
        for beginning in beginnings.reversed() where links.count <= EpochClaim.maximumAncestors {
            if links.isEmpty || beginning.first < links[links.count - 1].first { links.append(beginning) }
        }
        self.links = links
    }

    /// Reads what a client sends; what no log wrote names no epoch that any log has.
    package init(_ claim: ByteString) {
        guard claim.count <= EpochClaim.maximumBytes else {
            links = []
            return
        }
        let parts = claim.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).map { part in
            part.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
                ? UInt64(String(decoding: part, as: UTF8.self), radix: 16) : nil
        }
        var links: [Link] = []
        for index in stride(from: 0, to: min(parts.count, 2 * EpochClaim.maximumAncestors + 1), by: 2) {
            guard let epoch = parts[index] else { break }
            let first = index + 1 < parts.count ? parts[index + 1] ?? 0 : 0
            links.append(Link(epoch: LogEpoch(rawValue: epoch), first: SequenceNumber(first)))
        }
        self.links = links
    }

    /// `name.first.name.first…name`, in hexadecimal digits.
    package var text: String {
        guard let last = links.last else { return LogEpoch.unknown.description }
        return links.dropLast().map { "\($0.epoch).\(String($0.first.rawValue, radix: 16))." }.joined()
            + last.epoch.description
    }
}

/// The epochs of a log, in their order, and what a client's position is worth by them.
public struct LogEpochs: Sendable {
    /// The beginning of an epoch.
    public struct Beginning: Equatable, Sendable {
        /// Which one.
        public let epoch: LogEpoch
        /// The number that its first record was to get.
        public let first: SequenceNumber

        /// Makes one.
        public init(epoch: LogEpoch, first: SequenceNumber) {
            self.epoch = epoch
            self.first = first
        }
    }

    /// The epoch in which records are appended now; ``LogEpoch/unknown`` for a log that nobody has written to.
    public let current: LogEpoch
    /// The same as clients are told it.
    public let text: String
    // The last number of each epoch that has ended.
    private let ends: [LogEpoch: SequenceNumber]

    /// Takes the beginnings, oldest first.
    public init(_ beginnings: [Beginning]) {
        current = beginnings.last?.epoch ?? .unknown
        text = EpochClaim(beginnings).text
        var ends: [LogEpoch: SequenceNumber] = [:]
        for (ended, next) in zip(beginnings, beginnings.dropFirst()) {
            ends[ended.epoch] = SequenceNumber(max(next.first.rawValue, 1) - 1)
        }
        self.ends = ends
    }

    /// Where a client that knows everything up to a number of an epoch goes on in this log.
    /// - Parameters:
    ///   - after: the last number that it knows.
    ///   - claim: the epoch in which it learned the number; nil when it doesn't say.
    ///   - head: the topic's newest record.
    ///   - lastSequence: the newest number of the whole log; asked only when the client's is above the head.
    /// - Returns: the place in this log.
    /// - Throws: what `lastSequence` throws.
    package func resume(
        after: SequenceNumber,
        of claim: EpochClaim?,
        head: SequenceNumber,
        lastSequence: () throws -> SequenceNumber
    ) rethrows -> ResumePoint {
        guard let claim else { return after > head ? .foreign : .known(after) }
        var shared = after
        for link in claim.links {
            if link.epoch == current, current != .unknown {
                if shared > head { shared = min(shared, try lastSequence()) }
                return shared == after ? .known(after) : .diverged(after: shared)
            }
            if let end = ends[link.epoch] {
                shared = min(shared, end)
                return shared == after ? .known(after) : .diverged(after: shared)
            }
            // What was given in an epoch that this log doesn't know isn't in it.
            shared = min(shared, SequenceNumber(max(link.first.rawValue, 1) - 1))
        }
        return after == .none ? .known(.none) : .diverged(after: .none)
    }
}

/// Where a client goes on.
package enum ResumePoint: Equatable, Sendable {
    /// Behind its number: all that it knows is this log's.
    case known(SequenceNumber)
    /// Behind the last number that its history and this log's share; what it knows above that is of another history.
    case diverged(after: SequenceNumber)
    /// Its number is above the topic's newest and it doesn't say of which epoch: it is of another history, from nobody knows where on.
    case foreign
}
