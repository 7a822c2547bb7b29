import Glibc
import PosixSupport
public import SluiceCore

/// A gateway in the registry.
public struct GatewayRow: Hashable, Sendable {
    /// The gateway, new at each start.
    public let id: GatewayID
    /// The name that the operator gave it.
    ///
    /// A gateway that comes back under its name cleans up after its earlier self.
    public let name: String
    /// Its process on its host.
    public let processID: Int32
    /// Where publishers reach it: `unix:/path` or `tcp://host:port`.
    public let linkAddress: String
    /// Where clients reach it: `http://host:port`.
    public package(set) var httpAddress: String
    /// When it started, wall nanoseconds.
    public let startedAtNanoseconds: UInt64
    /// When its rows may be removed if it doesn't renew, wall nanoseconds.
    public package(set) var leaseExpiresAtNanoseconds: UInt64

    /// Describes a gateway, of this process unless another is given; the writer fills in the lease.
    public init(
        id: GatewayID,
        name: String,
        linkAddress: String,
        httpAddress: String,
        processID: Int32? = nil,
        startedAtNanoseconds: UInt64 = StageClock.wallNanoseconds(),
        leaseExpiresAtNanoseconds: UInt64 = 0
    ) {
        self.id = id
        self.name = name
        self.processID = processID ?? ThisProcess.id
        self.linkAddress = linkAddress
        self.httpAddress = httpAddress
        self.startedAtNanoseconds = startedAtNanoseconds
        self.leaseExpiresAtNanoseconds = leaseExpiresAtNanoseconds
    }
}
