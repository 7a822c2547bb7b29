import Foundation
import SluiceCore

/// A process's HTTP server: that of the gateway that is loaded, or of a publisher that is asked for its figures.
struct BenchTarget: Equatable, Sendable {
    let host: String
    let port: Int

    /// Reads `http://host:port`.
    /// - Parameters:
    ///   - url: the address.
    ///   - flag: with which it was given.
    /// - Throws: `usage`, with what isn't right about the address.
    init(_ url: String, flag: String = "--url") throws(CommandError) {
        func invalid(_ reason: String) -> CommandError {
            // What stands before an @ may be a password: it isn't shown.
            let shown = url.utf8.lastIndex(of: UInt8(ascii: "@")).map { "…" + url[$0...] } ?? url
            return CommandError(
                .usage,
                "\(flag) '\(shown.printable(limit: 120))': \(reason), such as http://127.0.0.1:8080."
            )
        }
        guard let parts = URLComponents(string: url), let scheme = parts.scheme?.lowercased() else {
            throw invalid("it is no address; give scheme, host and port")
        }
        if scheme == "https" || scheme == "wss" {
            throw invalid("TLS isn't spoken here; give the process's own address behind the TLS proxy")
        }
        guard scheme == "http" || scheme == "ws" else { throw invalid("its scheme isn't http; give an http address") }
        guard let host = parts.host, !host.isEmpty else {
            throw invalid("it names no host; give scheme, host and port")
        }
        guard parts.path.isEmpty || parts.path == "/", parts.query == nil, parts.fragment == nil, parts.user == nil
        else {
            throw invalid("it has more than scheme, host and port; leave the rest out")
        }
        let port = parts.port ?? 80
        guard (1...65_535).contains(port) else { throw invalid("its port is not from 1 to 65535; give another") }
        self.host = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        self.port = port
    }

    /// Host and port as the field `Host` has them.
    var authority: String { (host.contains(":") ? "[\(host)]" : host) + ":\(port)" }

    /// `http://host:port`.
    var address: String { "http://" + authority }
}

/// Topics in a request's target.
enum BenchPath {
    /// Percent-encodes all but unreserved characters (RFC 3986, section 2.3) and `/`.
    static func encoded(_ topic: String) -> String {
        var text = ""
        for byte in topic.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"), UInt8(ascii: "/"):
                text.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                text += "%" + (digits.count == 1 ? "0" : "") + digits
            }
        }
        return text
    }
}

/// When the next message leaves.
enum BenchPacing: Equatable, Sendable {
    /// On schedule, so many a second, whether or not the ones before are through.
    case rate(Double)
    /// When one of so many places is free: a message leaves its place when it is acknowledged and all its receivers have it.
    case inFlight(Int)
}
