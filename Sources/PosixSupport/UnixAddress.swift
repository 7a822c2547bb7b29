package import Glibc

/// The address of a Unix socket.
package struct UnixAddress: Sendable {
    /// The socket's path.
    package let path: String
    // A C structure without pointers; it isn't written after the initializer.
    private let address: sockaddr_un

    /// Longest path, bytes: the last byte of `sun_path` is a zero.
    package static let maximumPathBytes = MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1

    /// - Returns: nil when the path doesn't fit an address.
    package init?(path: String) {
        guard path.utf8.count <= UnixAddress.maximumPathBytes else { return nil }
        self.path = path
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        self.address = address
    }

    /// Calls `body` with the address as the system's calls want it.
    package func withPointer<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
