import NIOCore
import NIOHTTP1
import SluiceCore

/// An HTTP answer as it comes in, with as much of its body as an error needs.
struct BenchAnswer {
    private(set) var status = 0
    private(set) var isKeptAlive = true
    private var body: [UInt8] = []

    private static let maximumBodyBytes = 4 * 1024

    /// Takes the next part in.
    /// - Returns: whether the answer is complete.
    mutating func add(_ part: HTTPClientResponsePart) -> Bool {
        switch part {
        case .head(let head):
            status = Int(head.status.code)
            isKeptAlive = head.isKeepAlive
            body.removeAll(keepingCapacity: true)
        case .body(let bytes):
            body.append(contentsOf: bytes.readableBytesView.prefix(BenchAnswer.maximumBodyBytes - body.count))
        // An interim answer, such as 100, announces the answer and isn't it.
        case .end: return status >= 200
        }
        return false
    }

    /// `401 Unauthorized: The token…`, as far as the body is an error of ours; else the status alone.
    var description: String {
        guard let error = (try? JSONValue(body))?["error"], let code = error["code"]?.string else { return "\(status)" }
        let message = error["message"]?.string ?? ""
        return "\(status) \(code.printable(limit: 40)): \(message.printable(limit: 300))"
    }
}
