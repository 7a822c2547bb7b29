import NIOHTTP1
import SluiceCore

/// The answer to bytes that the HTTP parser refused.
enum MalformedRequest {
    /// 431 for a head that is too large (RFC 6585, section 5), 400 for the rest.
    static func answer(to error: HTTPParserError) -> PublishAnswer {
        if error == .headerOverflow {
            return .refused(
                APIError(.payloadTooLarge, "The request's head is larger than the limit."),
                status: 431,
                closes: true
            )
        }
        return .refused(APIError(.invalidRequest, "The request is not HTTP/1.1: \(error)."), closes: true)
    }
}
