/// Values with an end, in a budget of bytes: the one that wasn't looked up for longest makes room.
///
/// A list within an array (indices instead of pointers), so that every step takes the same short time whatever the size. What has ended goes
/// when it is met: by a look-up, by the hand that goes on a few slots with each value that is added, and by ``sweep(slots:at:)``.
struct BoundedCache<Key: Hashable, Value> {
    private struct Slot {
        var key: Key
        var value: Value
        var bytes: Int
        var endNanoseconds: UInt64
        var newer: Int?
        var older: Int?
    }

    /// Slots that the hand looks at with each value that is added: more than one, so that it overtakes the adding.
    private static var slotsPerAddition: Int { 4 }

    /// What an entry takes beside what its value holds elsewhere: its slot, in an array that may have grown to twice its size, and its place
    /// in a hash table that is at most three quarters full.
    static var entryBytes: Int {
        2 * MemoryLayout<Slot>.stride + 3 * (MemoryLayout<Key>.stride + MemoryLayout<Int>.stride)
    }

    private let maximumBytes: Int
    private var slots: [Slot] = []
    private var indices: [Key: Int] = [:]
    private var newest: Int?
    private var oldest: Int?
    private var hand = 0

    /// What the entries take.
    private(set) var bytes = 0
    /// Values that were still good and had to make room.
    private(set) var evictionCount = 0

    /// Makes an empty cache.
    init(maximumBytes: Int) { self.maximumBytes = maximumBytes }

    /// Entries that are kept, good or not.
    var count: Int { slots.count }

    /// The value if it is still good at `now`.
    mutating func value(for key: Key, at now: UInt64) -> Value? {
        guard let index = indices[key] else { return nil }
        guard now < slots[index].endNanoseconds else {
            remove(index)
            return nil
        }
        makeNewest(index)
        return slots[index].value
    }

    /// Keeps a value until `endNanoseconds`, in place of an older one; one that is larger than the budget isn't kept.
    ///
    /// `heapBytes`: what key and value hold elsewhere.
    mutating func keep(_ value: Value, for key: Key, heapBytes: Int, until endNanoseconds: UInt64, at now: UInt64) {
        removeValue(for: key)
        sweep(slots: BoundedCache.slotsPerAddition, at: now)
        let size = BoundedCache.entryBytes + heapBytes
        guard now < endNanoseconds, size <= maximumBytes else { return }
        while bytes + size > maximumBytes, let index = oldest {
            if now < slots[index].endNanoseconds { evictionCount += 1 }
            remove(index)
        }
        slots.append(Slot(key: key, value: value, bytes: size, endNanoseconds: endNanoseconds))
        indices[key] = slots.count - 1
        bytes += size
        linkAsNewest(slots.count - 1)
    }

    /// Forgets a value.
    mutating func removeValue(for key: Key) {
        if let index = indices[key] { remove(index) }
    }

    /// Moves the hand over up to `count` slots and forgets those that have ended at `now`.
    mutating func sweep(slots count: Int, at now: UInt64) {
        for _ in 0..<min(count, slots.count) {
            if hand >= slots.count { hand = 0 }
            if now < slots[hand].endNanoseconds {
                hand += 1
            } else {
                remove(hand)
                if slots.isEmpty { return }
            }
        }
    }

    private mutating func remove(_ index: Int) {
        unlink(index)
        bytes -= slots[index].bytes
        indices[slots[index].key] = nil
        let last = slots.count - 1
        if index != last {
            // The last one takes its place.
            let moved = slots[last]
            slots[index] = moved
            indices[moved.key] = index
            if let newer = moved.newer { slots[newer].older = index } else { newest = index }
            if let older = moved.older { slots[older].newer = index } else { oldest = index }
        }
        slots.removeLast()
        // Arrays and tables don't shrink by themselves: what a flood took is given back once it has gone.
        if slots.isEmpty { (slots, indices, hand) = ([], [:], 0) }
    }

    private mutating func makeNewest(_ index: Int) {
        if newest == index { return }
        unlink(index)
        linkAsNewest(index)
    }

    private mutating func unlink(_ index: Int) {
        let (newer, older) = (slots[index].newer, slots[index].older)
        if let newer { slots[newer].older = older } else { newest = older }
        if let older { slots[older].newer = newer } else { oldest = newer }
    }

    private mutating func linkAsNewest(_ index: Int) {
        slots[index].newer = nil
        slots[index].older = newest
        if let newest { slots[newest].newer = index }
        newest = index
        if oldest == nil { oldest = index }
    }
}
