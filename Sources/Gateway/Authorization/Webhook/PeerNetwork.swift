import SluiceCore

import Glibc

/// Where a client comes from, as far as it can't choose: an IPv4 address, or the first 64 bits of an IPv6 address.
///
/// Whoever has one IPv6 address has all of its /64 (RFC 4291, section 2.5.4), so that is what shares are counted by.
enum PeerNetwork: Hashable, Sendable {
    case ipv4(UInt32)
    case ipv6(UInt64)
    /// A Unix socket, or an address that isn't known: all of these share.
    case other

    /// The network of an address without port.
    init(_ address: String?) {
        guard let address else {
            self = .other
            return
        }
        var four = in_addr()
        if inet_pton(AF_INET, address, &four) == 1 {
            self = .ipv4(UInt32(bigEndian: four.s_addr))
            return
        }
        var bytes = [UInt8](repeating: 0, count: 16)
        // A link-local address has its interface behind a percent sign.
        guard inet_pton(AF_INET6, String(address.prefix { $0 != "%" }), &bytes) == 1 else {
            self = .other
            return
        }
        func number(_ part: ArraySlice<UInt8>) -> UInt64 { part.reduce(0) { $0 << 8 | UInt64($1) } }
        // An IPv4 client on a socket for both (RFC 4291, section 2.5.5.2).
        if number(bytes[0..<8]) == 0, number(bytes[8..<12]) == 0xFFFF {
            self = .ipv4(UInt32(truncatingIfNeeded: number(bytes[12..<16])))
        } else {
            self = .ipv6(number(bytes[0..<8]))
        }
    }
}
