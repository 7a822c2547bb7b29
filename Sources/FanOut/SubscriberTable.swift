import SluiceCore

/// The subscribers of one event loop, in places that are used again.
struct SubscriberTable {
    private var slots: [(any Subscriber)?] = []
    /// By place, the sockets that events may go to directly; `none` while something waits in a connection's channel.
    ///
    /// Beside the subscribers and not inside them: the fan-out to many then touches nothing else of them.
    private(set) var sockets: [DirectSocket] = []
    private var free: [Int] = []
    private var slotOfID: [ConnectionID: Int] = [:]

    /// Subscribers.
    var count: Int { slotOfID.count }

    /// All subscribers, in the order of their places.
    var all: [any Subscriber] { slots.compactMap { $0 } }

    /// The subscriber at a place.
    subscript(slot: Int) -> (any Subscriber)? { slots.indices.contains(slot) ? slots[slot] : nil }

    /// The subscriber with an id.
    subscript(id: ConnectionID) -> (any Subscriber)? { slotOfID[id].flatMap { slots[$0] } }

    /// The subscriber that a key names, if its place isn't another's by now.
    subscript(key: SubscriberKey) -> (any Subscriber)? {
        guard let subscriber = self[key.slot], subscriber.id == key.id else { return nil }
        return subscriber
    }

    /// Gives a subscriber its place.
    mutating func add(_ subscriber: any Subscriber) -> Int {
        let slot: Int
        if let last = free.popLast() {
            slot = last
            slots[slot] = subscriber
        } else {
            slot = slots.count
            slots.append(subscriber)
            sockets.append(.none)
        }
        slotOfID[subscriber.id] = slot
        return slot
    }

    /// Takes a subscriber out; its place is nobody's until it is released.
    mutating func remove(_ slot: Int) {
        guard let subscriber = self[slot] else { return }
        slots[slot] = nil
        sockets[slot] = .none
        slotOfID[subscriber.id] = nil
    }

    /// The place of a subscriber that was taken out may be another's.
    mutating func release(_ slot: Int) { free.append(slot) }

    /// Says where a subscriber's events may go to directly.
    mutating func setSocket(_ socket: DirectSocket, of slot: Int) {
        // Not written when nothing changes: a fan-out that holds the list would make it a copy.
        guard sockets.indices.contains(slot), sockets[slot] != socket else { return }
        sockets[slot] = socket
    }
}
