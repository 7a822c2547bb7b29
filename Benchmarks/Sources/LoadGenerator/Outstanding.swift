/// The messages on their way: who hasn't got them yet and whether they are acknowledged.
///
/// A value without a clock or a socket.
struct Outstanding {
    /// Published and not yet complete.
    private(set) var count = 0
    /// The number of the next message.
    private(set) var next: UInt32 = 0
    /// Receptions that were given up.
    private(set) var lost: UInt64 = 0

    private static let slots = 1 << 16
    private let receivers: Int32
    private let isAcknowledged: Bool
    private var oldest: UInt32 = 0
    private var left = [Int32](repeating: 0, count: slots)
    private var unanswered = [Bool](repeating: false, count: slots)
    private var published = [UInt64](repeating: 0, count: slots)

    /// - Parameters:
    ///   - receivers: how many receive each message.
    ///   - isAcknowledged: whether the server answers each publish; then a message is complete only with its answer.
    init(receivers: Int, isAcknowledged: Bool) {
        self.receivers = Int32(receivers)
        self.isAcknowledged = isAcknowledged
    }

    /// Whether there is room for one more.
    var hasRoom: Bool { next &- oldest < UInt32(Outstanding.slots) }

    /// A message leaves; returns its number.
    mutating func publish(now: UInt64) -> UInt32 {
        let number = next
        let slot = slot(number)
        left[slot] = receivers
        unanswered[slot] = isAcknowledged
        published[slot] = now
        next &+= 1
        count += 1
        return number
    }

    /// One receiver got `number`.
    /// - Returns: whether it was the last.
    mutating func received(_ number: UInt32) -> Bool {
        let slot = slot(number)
        guard isOpen(number), left[slot] > 0 else { return false }
        left[slot] -= 1
        guard left[slot] == 0 else { return false }
        if !unanswered[slot] { complete() }
        return true
    }

    /// `number` was answered.
    /// - Returns: when it left, or nil when it isn't known.
    mutating func acknowledged(_ number: UInt32) -> UInt64? {
        let slot = slot(number)
        guard isOpen(number), unanswered[slot] else { return nil }
        unanswered[slot] = false
        if left[slot] == 0 { complete() }
        return published[slot]
    }

    /// Gives up what left before `time` and has been answered or never will be.
    mutating func giveUp(before time: UInt64) {
        while oldest != next {
            let slot = slot(oldest)
            if left[slot] > 0 || unanswered[slot] {
                guard published[slot] < time else { return }
                lost += UInt64(left[slot])
                left[slot] = 0
                unanswered[slot] = false
                complete()
            }
            oldest &+= 1
        }
    }

    private mutating func complete() { count -= 1 }

    private func slot(_ number: UInt32) -> Int { Int(number & UInt32(Outstanding.slots - 1)) }

    private func isOpen(_ number: UInt32) -> Bool { number &- oldest < next &- oldest }
}
