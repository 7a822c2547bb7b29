import NIOHTTP1
import SluiceCore

/// What all paths of a gateway begin with, for one that stands below a path of a site: `/rt`.
struct PathPrefix: Sendable {
    /// Without the slash at its end; empty for none.
    let bytes: [UInt8]

    /// The gateway stands at the root.
    static let none = PathPrefix(bytes: [])

    private init(bytes: [UInt8]) { self.bytes = bytes }

    /// A prefix as an operator writes it, `/rt` or `/rt/`.
    /// - Throws: ``GatewayError`` for anything but levels of letters, digits and `-._~`.
    init(_ text: String) throws(GatewayError) {
        var bytes = Array(text.utf8)
        while bytes.last == UInt8(ascii: "/") { bytes.removeLast() }
        let isName = { (byte: UInt8) in
            (0x61...0x7A).contains(byte | 0x20) || (0x30...0x39).contains(byte) || "-._~".utf8.contains(byte)
        }
        let levels = bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).dropFirst()
        guard bytes.isEmpty || bytes.first == UInt8(ascii: "/"),
            levels.allSatisfy({ !$0.isEmpty && $0.allSatisfy(isName) })
        else {
            throw GatewayError(
                .configuration,
                "'\(text.printable(limit: 80))' is no path prefix: begin with a slash and use letters, digits and -._~, such as /rt."
            )
        }
        self.init(bytes: bytes)
    }

    /// The prefix as text.
    var text: String { String(decoding: bytes, as: UTF8.self) }

    /// A target without the prefix, in origin form; nil when it doesn't begin with it.
    ///
    /// The prefix alone, without a slash behind it, stays as it is, so that it can be answered with where the page stands.
    func strip(_ target: String) -> String? {
        if bytes.isEmpty || target.utf8.elementsEqual("*".utf8) { return target }
        var target = target
        return target.withUTF8 { whole -> String? in
            let path = RequestTarget.path(of: whole)
            guard path.starts(with: bytes) else { return nil }
            let rest = whole[(path.startIndex + bytes.count)...]
            guard path.count > bytes.count else { return String(decoding: bytes + rest, as: UTF8.self) }
            guard rest.first == UInt8(ascii: "/") else { return nil }
            return String(decoding: rest, as: UTF8.self)
        }
    }
}
