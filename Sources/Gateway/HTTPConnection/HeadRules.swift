import NIOCore
import NIOHTTP1
import SluiceCore

/// What is wrong with a request's head; nothing behind it is read.
struct HeadFault: Error, Equatable {
    let error: APIError
    /// Replaces the code's own status.
    var status: Int?

    init(_ error: APIError, status: Int? = nil) {
        self.error = error
        self.status = status
    }
}

/// What every request's head must keep to, whichever part of the gateway it is for: publishes, routed requests and
/// handshakes of WebSockets.
struct HeadRules: Sendable {
    /// The names that the gateway answers to.
    let hosts: AllowedHosts

    /// Checks a head.
    ///
    /// `localAddress`: where the client connected to.
    /// - Throws: `InvalidRequest` for a Host that is missing, doubled or malformed (RFC 9112, section 3.2), for two
    ///   Authorization or Content-Type fields, of which two readers could take different ones, and for a body whose end two readers
    ///   could see in different places; `MisdirectedRequest` for another's host.
    func check(_ head: HTTPRequestHead, _ fields: PublishHead, localAddress: SocketAddress?) throws(HeadFault) {
        try checkFraming(head, fields)
        do throws(APIError) {
            try checkOnce(fields.authorizationCount, "Authorization")
            try checkOnce(fields.contentTypeCount, "Content-Type")
            let isHostOptional = head.version.major == 1 && head.version.minor == 0
            guard fields.hostCount == 1 || (fields.hostCount == 0 && isHostOptional) else {
                throw APIError(.invalidRequest, "The request has \(fields.hostCount) Host fields: send one.")
            }
            if let host = fields.host { try check(host, localAddress) }
            // In absolute form the target's host counts, not the field (RFC 9112, section 3.2.2).
            if let authority = RequestTarget.authority(of: head.uri) { try check(authority, localAddress) }
        } catch {
            throw HeadFault(error)
        }
    }

    private func checkOnce(_ count: Int, _ name: String) throws(APIError) {
        guard count <= 1 else {
            throw APIError(.invalidRequest, "The request has \(count) \(name) fields: send one.")
        }
    }

    /// Checks how a body ends (RFC 9112, sections 6.1 and 6.3).
    private func checkFraming(_ head: HTTPRequestHead, _ fields: PublishHead) throws(HeadFault) {
        guard !fields.hasContentLength || fields.contentLength != nil else {
            throw HeadFault(APIError(.payloadTooLarge, "The Content-Length is no number, or beyond every limit."))
        }
        guard fields.hasTransferEncoding else { return }
        let codings = head.headers.elements(of: "transfer-encoding")
        let isChunked = codings.map { $0.equalsIgnoringASCIICase("chunked") }
        guard !fields.hasContentLength, head.version == .http1_1, isChunked.last == true,
            isChunked.dropLast().allSatisfy({ !$0 }), codings.allSatisfy(HeadRules.isToken)
        else {
            throw HeadFault(
                APIError(
                    .invalidRequest,
                    "Where the body ends isn't clear: send Content-Length, or Transfer-Encoding: chunked, not both."
                )
            )
        }
        guard codings.count == 1 else {
            throw HeadFault(
                APIError(.invalidRequest, "No transfer coding but chunked is known here."),
                status: 501
            )
        }
    }

    private static func isToken(_ text: ByteString) -> Bool {
        !text.utf8.isEmpty
            && text.utf8.allSatisfy { byte in
                (0x61...0x7A).contains(byte | 0x20) || (0x30...0x39).contains(byte)
                    || "!#$%&'*+-.^_`|~".utf8.contains(byte)
            }
    }

    private func check(_ field: String, _ localAddress: SocketAddress?) throws(APIError) {
        guard let name = HostName(field: field.utf8) else {
            throw APIError(.invalidRequest, "The host '\(field.printable(limit: 80))' is not a name or an address.")
        }
        guard hosts.allows(name, localAddress: localAddress?.ipAddress) else {
            throw APIError(
                .misdirectedRequest,
                "This gateway is not '\(field.printable(limit: 80))'. If it should be, name it in --allowed-hosts."
            )
        }
    }
}
