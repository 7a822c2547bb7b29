package import SluiceCore

/// The JSON around a record's payload, the same over WebSocket and in histories.
///
/// ```
/// {"type":"event","topic":…,"sequence":…,"previous":…,"contentType":…[,"encoding":"base64"]
///  [,"operation":…,"table":…,"key":…],"data":…}
/// ```
package enum EventEnvelope {
    /// Appends the whole event; the payload's bytes are spliced in.
    package static func appendJSON(_ record: ChangeRecord, to json: inout [UInt8]) {
        json.reserveCapacity(json.count + record.payload.count + record.topic.name.utf8.count + 128)
        let isBase64 = JSONText.usesBase64(record.payload, record.contentType)
        appendHead(record, isBase64: isBase64, to: &json)
        json.append(contentsOf: #","data":"#.utf8)
        if isBase64 {
            json.append(UInt8(ascii: "\""))
            Base64.append(record.payload, to: &json)
            json.append(UInt8(ascii: "\""))
        } else if record.contentType.embedding == .json {
            json.append(contentsOf: record.payload)
        } else {
            JSONText.appendString(record.payload, to: &json)
        }
        json.append(UInt8(ascii: "}"))
    }

    /// Appends the whole event on one line.
    ///
    /// A payload of JSON may have line ends between its tokens, where a space means the same (RFC 8259, section 2); within its strings it has none.
    package static func appendLine(_ record: ChangeRecord, to json: inout [UInt8]) {
        let start = json.count
        appendJSON(record, to: &json)
        guard record.contentType.embedding == .json else { return }
        for index in start..<json.count where json[index] == 0x0A || json[index] == 0x0D { json[index] = 0x20 }
    }

    /// Appends the event without its payload, the header of a binary frame.
    package static func appendHeader(_ record: ChangeRecord, to json: inout [UInt8]) {
        appendHead(record, isBase64: false, to: &json)
        json.append(UInt8(ascii: "}"))
    }

    private static func appendHead(_ record: ChangeRecord, isBase64: Bool, to json: inout [UInt8]) {
        json.append(contentsOf: #"{"type":"event","topic":"#.utf8)
        JSONText.appendString(record.topic.name, to: &json)
        json.append(contentsOf: #","sequence":"#.utf8)
        append(record.sequence.rawValue, to: &json)
        json.append(contentsOf: #","previous":"#.utf8)
        append(record.previous.rawValue, to: &json)
        json.append(contentsOf: #","contentType":"#.utf8)
        JSONText.appendString(record.contentType.value, to: &json)
        if isBase64 { json.append(contentsOf: #","encoding":"base64""#.utf8) }
        let attributes = record.attributes
        if let operation = attributes.operation {
            json.append(contentsOf: #","operation":"\#(operation.rawValue)""#.utf8)
        }
        if let table = attributes.table {
            json.append(contentsOf: #","table":"#.utf8)
            JSONText.appendString(table, to: &json)
        }
        if let key = attributes.itemKey {
            json.append(contentsOf: #","key":"#.utf8)
            JSONText.appendString(key, to: &json)
        }
    }

    /// Decimal digits without a string in between: this runs for each record.
    private static func append(_ number: UInt64, to json: inout [UInt8]) {
        var divisor: UInt64 = 1
        while number / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            json.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number / divisor % 10))
            divisor /= 10
        }
    }
}
