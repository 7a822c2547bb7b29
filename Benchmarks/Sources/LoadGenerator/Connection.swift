import Glibc

/// A plain non-blocking TCP connection to the server, bound to a ``Poller``; subclasses speak a protocol over it.
class Connection {
    let socket: Int32
    let poller: Poller
    private(set) var isClosed = false
    private var isConnected = false
    private var carry: [UInt8] = []
    private var output: [UInt8] = []
    private var written = 0
    private var isDirty = false
    private var waitsToWrite = true

    init(port: UInt16, poller: Poller) throws {
        self.poller = poller
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
        guard socket >= 0 else { throw LoadError.cannotOpenSocket(errno) }
        var yes: Int32 = 1
        setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, 4)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 || errno == EINPROGRESS else {
            let code = errno
            Glibc.close(socket)
            throw LoadError.cannotOpenSocket(code)
        }
        poller.add(self)
    }

    /// The connection is up.
    func connected() {}

    /// Takes what has come; returns how many bytes were used.
    ///
    /// The rest comes again, with more behind it.
    func received(_ bytes: UnsafeRawBufferPointer) -> Int { bytes.count }

    /// The server closed, or the connection broke.
    func closed() {}

    /// Queues `bytes`; they leave at the end of the loop's turn.
    func send(_ bytes: [UInt8]) {
        output += bytes
        if !isDirty {
            isDirty = true
            poller.flushLater(self)
        }
    }

    /// Closes at once.
    ///
    /// A reset, so that a storm leaves no ports in TIME_WAIT.
    func close() {
        guard !isClosed else { return }
        isClosed = true
        poller.remove(self)
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(socket, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
        Glibc.close(socket)
    }

    final func readable() {
        let buffer = poller.buffer
        guard let base = buffer.baseAddress, carry.count < buffer.count else { return end() }
        let kept = carry.count
        if kept > 0 {
            carry.withUnsafeBytes { base.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(base), byteCount: kept) }
        }
        let count = recv(socket, base + kept, buffer.count - kept, 0)
        guard count > 0 else {
            if count < 0, errno == EAGAIN || errno == EINTR { return }
            return end()
        }
        poller.now = Marker.now()
        poller.reads += 1
        let total = kept + count
        let used = received(UnsafeRawBufferPointer(start: base, count: total))
        if used < total {
            carry = Array(UnsafeRawBufferPointer(start: base + used, count: total - used))
        } else if kept > 0 {
            carry = []
        }
    }

    final func writable() {
        if !isConnected {
            isConnected = true
            connected()
        }
        flush()
    }

    final func flush() {
        isDirty = false
        guard !isClosed, isConnected else { return }
        while written < output.count {
            let count = output.withUnsafeBytes { bytes in
                Glibc.send(socket, bytes.baseAddress.map { $0 + written }, bytes.count - written, Int32(MSG_NOSIGNAL))
            }
            if count < 0 {
                if errno == EINTR { continue }
                if errno != EAGAIN { return end() }
                break
            }
            written += count
        }
        if written == output.count {
            output.removeAll(keepingCapacity: true)
            written = 0
        }
        if waitsToWrite != (written < output.count) {
            waitsToWrite.toggle()
            poller.watch(self, writable: waitsToWrite)
        }
    }

    private func end() {
        guard !isClosed else { return }
        close()
        closed()
    }
}
