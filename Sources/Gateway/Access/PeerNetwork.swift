/// Where a client comes from, as far as it can't choose: an IPv4 address, or the first 64 bits of an IPv6 address.
///
/// Whoever has one IPv6 address has all of its /64 (RFC 4291, section 2.5.4), so that is what shares are counted by.
enum PeerNetwork: Hashable, Sendable {
    case ipv4(UInt32)
    case ipv6(UInt64)
    /// A Unix socket, or an address that isn't known: all of these share.
    case other

    /// The network of a client.
    init(_ client: ClientAddress) {
        switch client.host {
        case .v4(let bits): self = .ipv4(bits)
        case .v6(let high, _): self = .ipv6(high)
        case .unknown: self = .other
        }
    }
}
