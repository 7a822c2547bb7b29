/// Tells publishers that there may be something new in the log.
public protocol LogSignal: AnyObject, Sendable {
    /// Rings every bell; never blocks. A ring may be lost: publishers look now and then without one.
    func ring()
}

/// What a publisher sleeps on until it is told that there may be something new.
///
/// A ring only says "look": rings that come while the publisher is busy are one. It belongs to one thread, which waits until the descriptor is
/// readable, silences the bell and looks. It is a descriptor so that the publisher's event loop waits for it as for its sockets: from a ring to the
/// look no thread wakes another.
public protocol LogBell: AnyObject {
    /// A descriptor for whoever waits: readable when it rang. The caller closes it.
    /// - Throws: `cannotOpen`.
    func makeDescriptor() throws(ChangeQueueError) -> Int32

    /// Makes the bell anew if what rings it can't reach it any more, since its file was removed.
    /// - Returns: whether there is a new descriptor, to be waited on instead of the old one.
    /// - Throws: `cannotOpen`.
    func restore() throws(ChangeQueueError) -> Bool

    /// Takes all rings there are.
    /// - Returns: whether there was one.
    @discardableResult
    func silence() -> Bool
}
