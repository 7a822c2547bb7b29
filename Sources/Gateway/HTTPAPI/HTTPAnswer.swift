import HTTPTypes
import Hummingbird
import NIOCore
import SluiceCore

/// Making Hummingbird responses from bytes.
enum HTTPAnswer {
    /// A response with `body`.
    static func bytes(
        _ body: [UInt8],
        _ contentType: String,
        status: HTTPResponse.Status = .ok,
        fields: HTTPFields = [:]
    ) -> Response {
        var headers = fields
        headers[.contentType] = contentType
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
    }

    /// A response with a JSON body that must not be cached.
    static func json(_ body: [UInt8], status: HTTPResponse.Status = .ok, fields: HTTPFields = [:]) -> Response {
        var headers = fields
        if headers[.cacheControl] == nil { headers[.cacheControl] = "no-store" }
        return bytes(body, "application/json", status: status, fields: headers)
    }

    /// A response that tells an error.
    static func error(_ error: APIError, allow: [HTTPRequest.Method] = []) -> Response {
        var fields = HTTPFields()
        for (name, value) in error.code.answerFields {
            if let name = HTTPField.Name(name) { fields[name] = value }
        }
        if !allow.isEmpty { fields[.allow] = allow.map(\.rawValue).joined(separator: ", ") }
        return json(error.json, status: HTTPResponse.Status(code: error.code.httpStatus), fields: fields)
    }
}
