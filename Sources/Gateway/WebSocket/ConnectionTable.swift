import SluiceCore

/// The connections of one event loop, in places that are used again.
struct ConnectionTable {
    private var slots: [WebSocketConnectionHandler?] = []
    /// By place, the sockets that frames may go to directly; `none` while something waits in a connection's channel.
    ///
    /// Beside the connections and not inside them: the fan-out to many then touches nothing else of them.
    private(set) var sockets: [DirectSocket] = []
    private var free: [Int] = []
    private var slotOfID: [ConnectionID: Int] = [:]

    /// Connections.
    var count: Int { slotOfID.count }

    /// All connections, in the order of their places.
    var all: [WebSocketConnectionHandler] { slots.compactMap { $0 } }

    /// The connection at a place.
    subscript(slot: Int) -> WebSocketConnectionHandler? { slots.indices.contains(slot) ? slots[slot] : nil }

    /// The connection with an id.
    subscript(id: ConnectionID) -> WebSocketConnectionHandler? { slotOfID[id].flatMap { slots[$0] } }

    /// The connection that a key names, if its place isn't another's by now.
    subscript(key: ConnectionKey) -> WebSocketConnectionHandler? {
        guard let handler = self[key.slot], handler.id == key.id else { return nil }
        return handler
    }

    /// Gives a connection its place.
    mutating func add(_ handler: WebSocketConnectionHandler) -> Int {
        let slot: Int
        if let last = free.popLast() {
            slot = last
            slots[slot] = handler
        } else {
            slot = slots.count
            slots.append(handler)
            sockets.append(.none)
        }
        slotOfID[handler.id] = slot
        return slot
    }

    /// Takes a connection out.
    mutating func remove(_ slot: Int) {
        guard let handler = self[slot] else { return }
        slots[slot] = nil
        sockets[slot] = .none
        slotOfID[handler.id] = nil
        free.append(slot)
    }

    /// Says where a connection's frames may go to directly.
    mutating func setSocket(_ socket: DirectSocket, of slot: Int) {
        // Not written when nothing changes: a fan-out that holds the list would make it a copy.
        guard sockets.indices.contains(slot), sockets[slot] != socket else { return }
        sockets[slot] = socket
    }
}
