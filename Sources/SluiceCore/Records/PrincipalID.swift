/// A client's name as a number of fixed size: what quotas are kept by and what an item keeps of its owner.
public struct PrincipalID: Hashable, Sendable {
    /// The number.
    public let rawValue: UInt64

    /// Makes an id; the numbers of ``anonymous`` and ``server`` are taken.
    public init(_ rawValue: UInt64) { self.rawValue = rawValue }

    /// All clients without a name, together.
    public static let anonymous = PrincipalID(0)
    /// The server that embeds the gateway: no quota applies to it.
    public static let server = PrincipalID(1)
}
