import NIOHTTP1
import SluiceCore

/// The header fields of a request that matter to ``HTTPConnection``, picked in one pass.
struct PublishHead {
    /// The body's media type.
    var contentType: String?
    var contentTypeCount = 0
    /// The body's length where the client told it.
    var contentLength: Int?
    var hasContentLength = false
    /// The host that the client means, and how often it says so.
    var host: String?
    var hostCount = 0
    /// The page that the request is of, and how often it says so.
    var origin: String?
    var originCount = 0
    /// How many Authorization fields there are.
    var authorizationCount = 0
    /// The client waits for `100 Continue` before it sends the body.
    var expectsContinue = false
    /// The client offers another protocol, such as HTTP/2.
    var offersUpgrade = false
    /// The body's length shows at its end.
    var hasTransferEncoding = false

    init(_ headers: HTTPHeaders) {
        for (name, value) in headers {
            // The length tells most names apart without comparing them.
            switch name.utf8.count {
            case 4 where name.equalsIgnoringCase("host"):
                host = value.trimmed
                hostCount += 1
            case 6 where name.equalsIgnoringCase("expect"):
                expectsContinue = value.trimmed.equalsIgnoringCase("100-continue")
            case 6 where name.equalsIgnoringCase("origin"):
                origin = value.trimmed
                originCount += 1
            case 7 where name.equalsIgnoringCase("upgrade"): offersUpgrade = true
            case 12 where name.equalsIgnoringCase("content-type"):
                contentType = value.trimmed
                contentTypeCount += 1
            case 13 where name.equalsIgnoringCase("authorization"): authorizationCount += 1
            case 14 where name.equalsIgnoringCase("content-length"):
                contentLength = Int(value.trimmed)
                hasContentLength = true
            case 17 where name.equalsIgnoringCase("transfer-encoding"): hasTransferEncoding = true
            default: break
            }
        }
    }

    /// How long the body is, bytes; nil when only its end will tell.
    var bodyLength: Int? { hasTransferEncoding ? nil : contentLength ?? 0 }
}

extension String {
    /// Compares ASCII names the way HTTP does.
    fileprivate func equalsIgnoringCase(_ lowercased: String) -> Bool {
        guard utf8.count == lowercased.utf8.count else { return false }
        return zip(utf8, lowercased.utf8).allSatisfy { byte, other in
            byte == other || ((0x41...0x5A).contains(byte) && byte | 0x20 == other)
        }
    }
}

/// Where a request for the publish routes goes, taken from its request target.
enum PublishTarget: Equatable {
    /// `POST /topics/{topic…}`
    case topic(Topic)
    /// `POST /topics`
    case batch
    /// `POST /topics/{topic…}` with a topic that breaks the rules.
    case invalid(APIError)

    /// The topic, if there is one for all of the body.
    var topic: Topic? { if case .topic(let topic) = self { topic } else { nil } }

    /// The target of `POST uri`, or nil when another route is meant.
    init?(uri: String) {
        var uri = uri
        let target: PublishTarget?? = uri.withUTF8 { bytes in
            let path = RequestTarget.path(of: bytes)
            guard path.count >= PublishTarget.prefix.count, path.starts(with: PublishTarget.prefix) else { return nil }
            if path.count == PublishTarget.prefix.count { return .batch }
            guard path[path.startIndex + PublishTarget.prefix.count] == UInt8(ascii: "/") else { return nil }
            return PublishTarget(topic: path[(path.startIndex + PublishTarget.prefix.count + 1)...])
        }
        guard let target = target.flatMap({ $0 }) else { return nil }
        self = target
    }

    private init(topic bytes: Slice<UnsafeBufferPointer<UInt8>>) {
        do throws(APIError) {
            self = .topic(try RequestTarget.topic(bytes))
        } catch {
            self = .invalid(error)
        }
    }

    private static let prefix = Array("/topics".utf8)
}
