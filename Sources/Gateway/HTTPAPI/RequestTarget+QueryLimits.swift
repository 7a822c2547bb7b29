import SluiceCore

/// How much of a query is read: each of its items is held in memory, and a webhook's back end is asked about them.
extension RequestTarget {
    /// Most items other than the topics and positions of a connect.
    static let maximumQueryItems = 64
    /// Most `topic` and `after` items.
    static let maximumTopicItems = 2 * Limits.topicsPerRequest
    /// Longest item as it is written, bytes, that carries no token: a topic with every byte percent-encoded has room.
    static let maximumQueryItemBytes = 2_048

    /// Checks a target's query before anything is made of it; empty items, as in `?&&`, are none.
    /// - Throws: `InvalidRequest`.
    static func checkQuery(of target: String) throws(APIError) {
        guard let start = target.utf8.firstIndex(of: UInt8(ascii: "?")) else { return }
        let query = target.utf8[target.utf8.index(after: start)...].prefix { $0 != UInt8(ascii: "#") }
        var items = 0
        var topicItems = 0
        var rest = query
        while !rest.isEmpty {
            let item = rest.prefix { $0 != UInt8(ascii: "&") }
            rest = rest[item.endIndex...].dropFirst()
            if item.isEmpty { continue }
            if item.starts(with: "topic=".utf8) || item.starts(with: "after=".utf8) {
                topicItems += 1
            } else {
                items += 1
            }
            guard items <= maximumQueryItems, topicItems <= maximumTopicItems else {
                throw APIError(
                    .invalidRequest,
                    """
                    The query has more than \(maximumQueryItems) items, or more than \(maximumTopicItems) of topic and after. \
                    Leave out what isn't needed.
                    """
                )
            }
            let isToken = ConnectRequest.tokenQueryNames.contains { item.starts(with: "\($0)=".utf8) }
            guard isToken || item.count <= maximumQueryItemBytes else {
                throw APIError(
                    .invalidRequest,
                    "An item of the query has \(item.count) bytes and the limit is \(maximumQueryItemBytes)."
                )
            }
        }
    }
}
