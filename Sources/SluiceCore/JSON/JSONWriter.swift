/// Writes JSON (RFC 8259) into bytes: quotes, commas and braces are set here and nowhere else.
///
/// It writes what it is told in that order, so that people find what matters first, and checks nothing: names stand once because the caller writes
/// them once.
package struct JSONWriter: Sendable {
    /// What has been written.
    package private(set) var bytes: [UInt8]
    private var needsComma = false

    /// Begins behind `bytes`, whose memory is used.
    package init(behind bytes: [UInt8] = []) { self.bytes = bytes }

    // MARK: Containers

    /// The bytes of one object.
    package static func object(_ members: (inout JSONWriter) -> Void) -> [UInt8] {
        var writer = JSONWriter()
        writer.object(members)
        return writer.bytes
    }

    /// Writes an object.
    package mutating func object(_ members: (inout JSONWriter) -> Void) {
        beginObject()
        members(&self)
        endObject()
    }

    /// Writes an array.
    package mutating func array(_ elements: (inout JSONWriter) -> Void) {
        beginArray()
        elements(&self)
        endArray()
    }

    /// Begins an object that ``endObject()`` ends.
    package mutating func beginObject() { open(UInt8(ascii: "{")) }

    /// Ends the object.
    package mutating func endObject() { close(UInt8(ascii: "}")) }

    /// Begins an array that ``endArray()`` ends.
    package mutating func beginArray() { open(UInt8(ascii: "[")) }

    /// Ends the array.
    package mutating func endArray() { close(UInt8(ascii: "]")) }

    // MARK: Members

    /// Writes a member's name; its value is written next.
    package mutating func name(_ name: String) {
        separate()
        JSONText.appendString(name, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    /// Writes a member.
    package mutating func member(_ name: String, _ text: String) {
        self.name(name)
        value(text)
    }

    /// Writes a member; no text is `null`.
    package mutating func member(_ name: String, _ text: String?) {
        self.name(name)
        if let text { value(text) } else { null() }
    }

    /// Writes a member.
    package mutating func member(_ name: String, _ number: some BinaryInteger) {
        self.name(name)
        value(number)
    }

    /// Writes a member whose number is finite.
    package mutating func member(_ name: String, _ number: Double) {
        self.name(name)
        raw("\(number)".utf8)
    }

    /// Writes a member.
    package mutating func member(_ name: String, _ flag: Bool) {
        self.name(name)
        raw((flag ? "true" : "false").utf8)
    }

    // MARK: Values

    /// Writes a string.
    package mutating func value(_ text: String) {
        separate()
        JSONText.appendString(text, to: &bytes)
    }

    /// Writes a number.
    package mutating func value(_ number: some BinaryInteger) { raw(String(number).utf8) }

    /// Writes `null`.
    package mutating func null() { raw("null".utf8) }

    /// Writes a value that is JSON already.
    package mutating func raw(_ json: some Sequence<UInt8>) {
        separate()
        bytes.append(contentsOf: json)
    }

    /// Writes a value that `append` puts behind the bytes.
    package mutating func raw(_ append: (inout [UInt8]) -> Void) {
        separate()
        append(&bytes)
    }

    /// Removes what has been written so far, so that a long text is sent in pieces.
    package mutating func removeBytes() -> [UInt8] {
        defer { bytes = [] }
        return bytes
    }

    /// Writes a payload as a value: JSON as it is, text as a string, binary as a base64 string.
    /// - Returns: whether base64 was used; see ``JSONText/appendPayload(_:_:to:)``.
    package mutating func payload(_ payload: [UInt8], _ contentType: ContentType) -> Bool {
        separate()
        return JSONText.appendPayload(payload, contentType, to: &bytes)
    }

    private mutating func open(_ brace: UInt8) {
        separate()
        bytes.append(brace)
        needsComma = false
    }

    private mutating func close(_ brace: UInt8) {
        bytes.append(brace)
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }
}
