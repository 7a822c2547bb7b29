import Glibc

/// The address of a Unix socket.
struct UnixAddress: Sendable {
    let path: String
    // A C structure without pointers; it isn't written after the initializer.
    private let address: sockaddr_un

    /// - Throws: `cannotOpen` when the path doesn't fit an address.
    init(path: String) throws(ChangeQueueError) {
        self.path = path
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let capacity = MemoryLayout.size(ofValue: address.sun_path)
        guard path.utf8.count < capacity else {
            throw ChangeQueueError(
                .cannotOpen,
                "The socket path \(path) has \(path.utf8.count) bytes; the limit is \(capacity - 1)."
            )
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        self.address = address
    }

    func withPointer<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
