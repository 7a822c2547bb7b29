import HTTPTypes
import SluiceCore

/// Which encodings of a response's content a client takes (RFC 9110, section 12.5.3).
enum AcceptEncoding {
    /// Whether gzip is among them, by its name or by the asterisk, and isn't ruled out; a client that says nothing hasn't asked for it.
    static func hasGzip(_ fields: HTTPFields) -> Bool {
        var byAsterisk = false
        for value in fields[values: .acceptEncoding] {
            for element in ByteString(value).split(separator: ",") {
                let parts = element.split(separator: ";").map { ByteString($0.string.trimmed) }
                guard let name = parts.first?.lowercasedASCII else { continue }
                let isWanted = !parts.dropFirst().contains(where: isZeroWeight)
                if name == "gzip" || name == "x-gzip" { return isWanted }
                if name == "*" { byAsterisk = isWanted }
            }
        }
        return byAsterisk
    }

    /// `q=0`, also as `0.0` and `0.000`.
    private static func isZeroWeight(_ parameter: ByteString) -> Bool {
        let bytes = Array(parameter.lowercasedASCII.utf8)
        guard bytes.starts(with: "q=".utf8) else { return false }
        return bytes.dropFirst(2).allSatisfy { $0 == UInt8(ascii: "0") || $0 == UInt8(ascii: ".") }
    }
}
