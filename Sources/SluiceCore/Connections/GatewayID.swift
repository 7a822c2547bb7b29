/// A gateway process's name in the registry and on the delivery links: new at each start, so that rows of an earlier run are never taken for its own.
public struct GatewayID: Hashable, Sendable, CustomStringConvertible {
    private let bytes: ByteString

    /// The name itself.
    public var rawValue: String { bytes.string }

    /// Wraps a name that comes from the registry or the link.
    public init(_ rawValue: String) { bytes = ByteString(rawValue) }

    /// Draws a new id.
    public static func random() -> GatewayID { GatewayID(ConnectionID.random().description) }

    /// The name.
    public var description: String { rawValue }
}
