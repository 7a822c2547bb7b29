/// How much of its limits the log has used up.
public struct LogUsage: Equatable, Sendable {
    /// Topics that the writer knows.
    public let topics: Int
    /// Topics that it may know.
    public let maximumTopics: Int
    /// Bytes that records, the topics' heads and the rest take; free pages are not counted.
    public let logBytes: Int
    /// Bytes that they may take.
    public let logLimitBytes: Int
    /// Bytes that items take.
    public let itemsBytes: Int
    /// Bytes that items may take.
    public let itemsLimitBytes: Int

    /// Says what is used.
    public init(
        topics: Int,
        maximumTopics: Int,
        logBytes: Int,
        logLimitBytes: Int,
        itemsBytes: Int,
        itemsLimitBytes: Int
    ) {
        self.topics = topics
        self.maximumTopics = maximumTopics
        self.logBytes = logBytes
        self.logLimitBytes = logLimitBytes
        self.itemsBytes = itemsBytes
        self.itemsLimitBytes = itemsLimitBytes
    }

    /// What has used up at least so many percent, and thus is or will be refused; empty when all is well.
    public func warnings(atPercent percent: Int) -> [LogResource: String] {
        var warnings: [LogResource: String] = [:]
        for resource in LogResource.allCases {
            let (used, limit) = use(of: resource)
            guard limit <= 0 || used >= limit / 100 * percent + limit % 100 * percent / 100 else { continue }
            warnings[resource] = "\(used) of \(limit) \(resource.unit)"
        }
        return warnings
    }

    /// How much of a resource is used, and how much there is.
    public func use(of resource: LogResource) -> (used: Int, limit: Int) {
        switch resource {
        case .topics: (topics, maximumTopics)
        case .log: (logBytes, logLimitBytes)
        case .items: (itemsBytes, itemsLimitBytes)
        }
    }
}

/// What of the log can be used up.
public enum LogResource: String, CaseIterable, Sendable {
    /// Places in the table of topics.
    case topics
    /// What the map has for records.
    case log
    /// What the map has for items.
    case items

    /// In what it is counted.
    package var unit: String { self == .topics ? "topics" : "bytes" }
    /// The settings that change it.
    package var settings: String {
        switch self {
        case .topics: "--maximum-topics, --retention-age"
        case .log: "--log-map-size, --retention-bytes, --retention-age"
        case .items: "--items-bytes, or delete items"
        }
    }
}
