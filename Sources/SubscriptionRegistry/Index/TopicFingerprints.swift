package import SluiceCore

/// A short answer for each topic, in eight bytes: what a dictionary would find with four or five cache misses, once it holds a million topics (its
/// bucket, the key, the key's characters, the value), is found here with one.
///
/// A topic stands here with 40 bits of its hash. Two topics may share them, so this knows less than the dictionary beside it: its owner gives such
/// topics an answer that says so.
package struct TopicFingerprints {
    /// An answer: below ``TopicFingerprints/answers``.
    package typealias Answer = UInt32

    /// How many answers there are.
    package static let answers: Answer = 0xFF_FFFE

    // A slot: 40 bits of hash, 24 bits of the answer plus one; zero is an empty one. Open addressing, the next slot after a taken one. A slot's first
    // place comes from the highest bits of what it holds, so that it can be moved without its topic.
    private var slots: [UInt64]
    private var shift: UInt64
    private let hashMask: UInt64
    package private(set) var count = 0

    private static let answerBits: UInt64 = 24
    private static let answerMask: UInt64 = (1 << answerBits) - 1
    private static let smallestBits: UInt64 = 6

    /// - Parameter hashBits: up to 40; fewer make topics look alike, for tests.
    package init(hashBits: UInt64 = 40) {
        hashMask = ~(UInt64.max >> min(hashBits, 64 - TopicFingerprints.answerBits))
        shift = 64 - TopicFingerprints.smallestBits
        slots = Array(repeating: 0, count: 1 << TopicFingerprints.smallestBits)
    }

    /// What stands for the topic, or for another one with the same 40 bits.
    package func answer(for topic: Topic) -> Answer? {
        let fingerprint = fingerprint(of: topic)
        return answer(for: fingerprint, first: slots[Int(truncatingIfNeeded: fingerprint >> shift)])
    }

    /// The same for many topics: their slots are read one right after the other, so that the processor waits for memory once, not once a topic.
    package func answers(for topics: [Topic]) -> [Answer?] {
        let fingerprints = topics.map { fingerprint(of: $0) }
        let firsts = slots.withUnsafeBufferPointer { slots in
            fingerprints.map { slots[Int(truncatingIfNeeded: $0 >> shift)] }
        }
        return zip(fingerprints, firsts).map { answer(for: $0, first: $1) }
    }

    private func answer(for fingerprint: UInt64, first: UInt64) -> Answer? {
        var place = Int(truncatingIfNeeded: fingerprint >> shift)
        var slot = first
        while slot != 0 {
            if slot & ~TopicFingerprints.answerMask == fingerprint {
                return Answer(truncatingIfNeeded: slot & TopicFingerprints.answerMask) - 1
            }
            place = (place + 1) & (slots.count - 1)
            slot = slots[place]
        }
        return nil
    }

    /// Sets what stands for the topic.
    package mutating func set(_ answer: Answer, for topic: Topic) {
        precondition(answer < TopicFingerprints.answers)
        let fingerprint = fingerprint(of: topic)
        let place = place(of: fingerprint)
        if slots[place] == 0 { count += 1 }
        slots[place] = fingerprint | UInt64(answer + 1)
        if count > slots.count / 8 * 5 { grow() }
    }

    /// Forgets the topic, and what has the same 40 bits.
    package mutating func remove(_ topic: Topic) {
        var hole = place(of: fingerprint(of: topic))
        guard slots[hole] != 0 else { return }
        count -= 1
        // What was pushed behind the hole moves up, so that no search ends too early.
        let mask = slots.count - 1
        var place = (hole + 1) & mask
        while slots[place] != 0 {
            let first = Int(truncatingIfNeeded: slots[place] >> shift)
            if (place - first) & mask >= (place - hole) & mask {
                slots[hole] = slots[place]
                hole = place
            }
            place = (place + 1) & mask
        }
        slots[hole] = 0
    }

    /// Where the fingerprint is, or where it would go.
    private func place(of fingerprint: UInt64) -> Int {
        var place = Int(truncatingIfNeeded: fingerprint >> shift)
        while slots[place] != 0, slots[place] & ~TopicFingerprints.answerMask != fingerprint {
            place = (place + 1) & (slots.count - 1)
        }
        return place
    }

    private mutating func grow() {
        let old = slots
        shift -= 1
        slots = Array(repeating: 0, count: old.count * 2)
        for slot in old where slot != 0 { slots[place(of: slot & ~TopicFingerprints.answerMask)] = slot }
    }

    private func fingerprint(of topic: Topic) -> UInt64 {
        UInt64(truncatingIfNeeded: topic.hashValue) & hashMask
    }
}
