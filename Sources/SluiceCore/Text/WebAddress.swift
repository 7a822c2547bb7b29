/// What is looked at of an http or https URL before a library takes it.
package enum WebAddress {
    /// Whether the URL's port, if it has one, is a number from 1 to 65535 (RFC 3986, section 3.2.3): Foundation takes every number, and the HTTP
    /// client ends the process for one that is larger.
    package static func hasValidPort(_ url: String) -> Bool {
        let bytes = Array(url.utf8)
        guard let scheme = bytes.firstRange(of: Array("://".utf8)) else { return true }
        let rest = bytes[scheme.upperBound...]
        let ends: Set<UInt8> = [UInt8(ascii: "/"), UInt8(ascii: "?"), UInt8(ascii: "#"), UInt8(ascii: "\\")]
        var authority = rest.prefix { !ends.contains($0) }
        if let user = authority.lastIndex(of: UInt8(ascii: "@")) { authority = authority[(user + 1)...] }
        // The colons of an IPv6 address stand in brackets.
        if let bracket = authority.lastIndex(of: UInt8(ascii: "]")) { authority = authority[bracket...] }
        guard let colon = authority.lastIndex(of: UInt8(ascii: ":")) else { return true }
        let digits = authority[(colon + 1)...]
        guard !digits.isEmpty, digits.count <= 5, digits.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return digits.isEmpty
        }
        let port = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        return (1...65_535).contains(port)
    }
}
