/// One `"key": value` of a JSON object.
public struct JSONMember: Sendable {
    /// The key with its escapes resolved.
    public let key: ByteString
    /// The value, as bytes of the whole text.
    public let value: JSONValue
}
