import HTTPTypes
import Hummingbird
import Metrics
import NIOCore
import SluiceCore

/// Making Hummingbird responses from bytes.
enum HTTPAnswer {
    /// A response with `body`, whose type browsers mustn't guess otherwise.
    static func bytes(
        _ body: [UInt8],
        _ contentType: String,
        status: HTTPResponse.Status = .ok,
        fields: HTTPFields = [:]
    ) -> Response {
        var headers = fields
        headers[.contentType] = contentType
        if headers[.xContentTypeOptions] == nil { headers[.xContentTypeOptions] = "nosniff" }
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
    }

    /// Other sites' pages may not embed an answer with outside bytes, not even as an image that they can't read.
    static let sameOriginOnly: HTTPFields =
        HTTPField.Name("Cross-Origin-Resource-Policy").map { [$0: "same-origin"] } ?? [:]

    /// A response with a JSON body that must not be cached.
    static func json(_ body: [UInt8], status: HTTPResponse.Status = .ok, fields: HTTPFields = [:]) -> Response {
        bytes(body, "application/json", status: status, fields: jsonFields(fields))
    }

    /// The same, with a body that is made while it is sent.
    static func json(_ body: ResponseBody) -> Response {
        var headers = jsonFields([:])
        headers[.contentType] = "application/json"
        headers[.xContentTypeOptions] = "nosniff"
        return Response(status: .ok, headers: headers, body: body)
    }

    private static func jsonFields(_ fields: HTTPFields) -> HTTPFields {
        var headers = fields
        if headers[.cacheControl] == nil { headers[.cacheControl] = "no-store" }
        headers.append(contentsOf: sameOriginOnly)
        return headers
    }

    /// A response that tells an error.
    static func error(_ error: APIError, allow: [HTTPRequest.Method] = []) -> Response {
        var fields = HTTPFields()
        for (name, value) in error.answerFields {
            if let name = HTTPField.Name(name) { fields[name] = value }
        }
        if !allow.isEmpty { fields[.allow] = allow.map(\.rawValue).joined(separator: ", ") }
        return json(error.json, status: HTTPResponse.Status(code: error.code.httpStatus), fields: fields)
    }
}

/// How the HTTP requests of this gateway were answered.
struct HTTPCounters: Sendable {
    private let accepted: Counter
    private let refused: CounterFamily<APIErrorCode>
    private let routed: [Counter]

    init(factory: any MetricsFactory) {
        let name = "sluice_http_publishes_total"
        accepted = Counter(label: name, dimensions: [("code", "Accepted")], factory: factory)
        refused = CounterFamily(name, by: "code", factory: factory)
        routed = (1...5).map {
            Counter(label: "sluice_http_requests_total", dimensions: [("status", "\($0)xx")], factory: factory)
        }
    }

    /// Counts the answer to a publish.
    func count(_ answer: PublishAnswer) {
        switch answer {
        case .accepted, .acceptedBatch: accepted.increment()
        case .refused(let error, _, _): refused.increment(error.code)
        }
    }

    /// Counts the answer to another request by its status class.
    func countRouted(status: Int) {
        let index = status / 100 - 1
        if routed.indices.contains(index) { routed[index].increment() }
    }
}
