/// The fixed limits on what comes from outside.
///
/// Those that an operator may change stand in the configuration (docs/operations.md).
public enum Limits {
    /// Longest topic, UTF-8 bytes.
    public static let topicBytes = 400
    /// Largest payload of one record that can be configured, bytes.
    public static let payloadBytesCeiling = 16 * 1024 * 1024
    /// Largest payload of one record by default, bytes.
    public static let payloadBytes = 1024 * 1024
    /// Records in one `POST /topics`.
    public static let batchRecords = 1_000
    /// Longest media type, bytes.
    public static let contentTypeBytes = 255
    /// Longest table name or item key, UTF-8 bytes.
    public static let attributeBytes = 255
    /// Longest principal that a token or the back end may name, UTF-8 bytes: it is kept with each connection and stands in the registry.
    public static let principalBytes = 255
    /// A record's tagged attributes together as they are encoded, five bytes a head included.
    public static let taggedAttributesBytes = 64 * 1024
    /// Longest name of a queue, bytes (SQS API reference, "CreateQueue").
    public static let queueNameBytes = 80
    /// Topics in one subscribe or unsubscribe, or on one connect URL.
    public static let topicsPerRequest = 1_000
    /// Topics that one connection may be subscribed to, by default.
    public static let subscriptionsPerConnection = 1_000
    /// Longest `id` of a client's message, UTF-8 bytes.
    public static let messageIDBytes = 128
    /// Deepest nesting of a JSON text.
    public static let jsonDepth = 128
    /// Longest key of a JSON object that is interpreted (a message, a batch, a merge patch, a token, an answer of the back end), bytes with its
    /// escapes resolved.
    ///
    /// A payload's keys aren't looked at.
    public static let jsonKeyBytes = 1_024
    /// Most members of a JSON object that is interpreted, but for a merge patch's.
    public static let jsonMembers = 1_024
    /// Records that one resume may bring, and the most that `GET /topics/{topic}/records` walks.
    public static let historyRecords = 100_000
}
