import NIOHTTP1
import SluiceCore

/// What the answer to a page of another origin says, so that its browser lets the page have it (Fetch standard, "HTTP extensions").
struct CrossOrigin: Equatable, Sendable {
    /// The page's origin, as its browser sent it; nil where the page may not read the answer, which then only says what it depends on.
    let origin: String?
    /// Whether cookies may be sent along.
    var withCredentials = false
    /// What a browser asks before the request itself.
    var preflight: Preflight?

    /// A question before a request (Fetch standard, "CORS-preflight request").
    struct Preflight: Equatable, Sendable {
        /// The fields that the page wants to send; those that aren't to be sent by pages are left out.
        let fields: [String]
        /// Whether the gateway is in a network that is more private than the page's (Private Network Access).
        let asksForPrivateNetwork: Bool

        /// Nil when it is none.
        init?(_ head: HTTPRequestHead) {
            guard head.method == .OPTIONS, head.headers.contains(name: "access-control-request-method") else {
                return nil
            }
            fields = head.headers.elements(of: "access-control-request-headers").prefix(Preflight.maximumFields)
                .filter(Preflight.mayBeSent).map { $0.lowercasedASCII.string }
            asksForPrivateNetwork = head.headers.elements(of: "access-control-request-private-network") == ["true"]
        }

        private static let maximumFields = 64

        /// Letters, digits and hyphens; not the fields of AWS's wire, for whoever speaks that isn't asked who he is.
        private static func mayBeSent(_ name: ByteString) -> Bool {
            let isName = name.utf8.allSatisfy { byte in
                (0x61...0x7A).contains(byte | 0x20) || (0x30...0x39).contains(byte) || byte == UInt8(ascii: "-")
            }
            return isName && !name.isEmpty && !name.lowercasedASCII.utf8.starts(with: "x-amz-".utf8)
        }
    }

    /// How long a browser may keep the answer to its question.
    private static let maximumAgeSeconds = 600
    /// The fields of answers that pages may read, beyond those that they always may.
    private static let exposed = "etag, location, retry-after"

    /// The answer's fields.
    var fields: [(name: String, value: String)] {
        var fields = [("vary", "origin")]
        guard let origin else { return fields }
        fields.append(("access-control-allow-origin", origin))
        if withCredentials { fields.append(("access-control-allow-credentials", "true")) }
        guard let preflight else {
            fields.append(("access-control-expose-headers", CrossOrigin.exposed))
            return fields
        }
        fields.append(("access-control-allow-methods", "GET, HEAD, POST, PUT, PATCH, DELETE"))
        if !preflight.fields.isEmpty {
            fields.append(("access-control-allow-headers", preflight.fields.joined(separator: ", ")))
        }
        fields.append(("access-control-max-age", String(CrossOrigin.maximumAgeSeconds)))
        if preflight.asksForPrivateNetwork { fields.append(("access-control-allow-private-network", "true")) }
        return fields
    }
}
