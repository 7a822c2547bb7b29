import SluiceCore

/// Where a request for the publish routes goes, taken from its request target.
enum PublishTarget: Equatable {
    /// `POST /topics/{topic…}`
    case topic(Topic)
    /// `POST /topics`
    case batch
    /// `POST /topics/{topic…}` with a topic that breaks the rules.
    case invalid(APIError)

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
