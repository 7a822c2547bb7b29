import NIOHTTP1

/// The header fields of a request that matter to ``PublishHandler``, picked in one pass.
struct PublishHead {
    /// The body's media type.
    var contentType: String?
    /// The `Authorization` field as it came: the key under which the client's grant is kept.
    var authorization: String?
    /// The body's length where the client told it.
    var contentLength: Int?
    /// The client waits for `100 Continue` before it sends the body.
    var expectsContinue = false
    /// The client offers another protocol, such as HTTP/2.
    var offersUpgrade = false

    init(_ headers: HTTPHeaders) {
        for (name, value) in headers {
            // The length tells most names apart without comparing them.
            switch name.utf8.count {
            case 6 where name.equalsIgnoringCase("expect"): expectsContinue = value.equalsIgnoringCase("100-continue")
            case 7 where name.equalsIgnoringCase("upgrade"): offersUpgrade = true
            case 12 where name.equalsIgnoringCase("content-type"): contentType = value
            case 13 where name.equalsIgnoringCase("authorization"): authorization = value
            case 14 where name.equalsIgnoringCase("content-length"): contentLength = Int(value)
            default: break
            }
        }
    }
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
