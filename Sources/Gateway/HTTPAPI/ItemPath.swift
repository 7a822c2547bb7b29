import SluiceCore

/// `/tables/{table}/items/{key}`; the key may contain slashes.
struct ItemPath: Equatable {
    /// The table's name, percent-encoded as in the path.
    let encodedTable: ByteString
    /// The item's key, percent-encoded as in the path.
    let encodedKey: ByteString

    /// Splits a path; nil when it isn't an item's.
    init?(path: String) {
        let (prefix, infix) = ("/tables/".utf8, "/items/".utf8)
        guard path.utf8.starts(with: prefix) else { return nil }
        let rest = path.utf8.dropFirst(prefix.count)
        guard let slash = rest.firstIndex(of: UInt8(ascii: "/")) else { return nil }
        let items = rest[slash...]
        guard items.starts(with: infix) else { return nil }
        encodedTable = ByteString(decoding: rest[..<slash])
        encodedKey = ByteString(decoding: items.dropFirst(infix.count))
    }

    /// The table's name.
    /// - Throws: `InvalidRequest` when it is empty, too long, not UTF-8 or has control characters.
    var table: String { get throws(APIError) { try ItemPath.name(encodedTable, "table") } }

    /// The item's key.
    /// - Throws: `InvalidRequest` when it is empty, too long, not UTF-8 or has control characters.
    var key: String { get throws(APIError) { try ItemPath.name(encodedKey, "key") } }

    private static func name(_ encoded: ByteString, _ what: String) throws(APIError) -> String {
        let name = try RequestTarget.text(encoded.utf8, name: what)
        guard (1...Limits.attributeBytes).contains(name.utf8.count) else {
            throw APIError(
                .invalidRequest,
                "The \(what) has \(name.utf8.count) bytes; 1 to \(Limits.attributeBytes) are allowed."
            )
        }
        guard name.unicodeScalars.allSatisfy({ $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }) else {
            throw APIError(.invalidRequest, "The \(what) '\(name.printable(limit: 80))' contains a control character.")
        }
        return name
    }
}
