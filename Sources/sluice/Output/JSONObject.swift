import SluiceCore

/// A JSON object whose members keep the order in which they are added, so that people can read it too.
struct JSONObject {
    private var bytes: [UInt8] = [UInt8(ascii: "{")]

    mutating func add(_ name: String, _ value: String) {
        begin(name)
        JSONText.appendString(value, to: &bytes)
    }

    mutating func add(_ name: String, _ value: String?) {
        if let value { add(name, value) } else { addRaw(name, "null") }
    }

    mutating func add(_ name: String, _ value: UInt64) { addRaw(name, String(value)) }

    mutating func add(_ name: String, _ value: Int) { addRaw(name, String(value)) }

    /// Rounded to milliseconds; `null` for what JSON can't hold.
    mutating func add(_ name: String, seconds value: Double) {
        guard value.isFinite, abs(value) < 1e15 else { return addRaw(name, "null") }
        let rounded = (value * 1_000).rounded() / 1_000
        addRaw(name, rounded == rounded.rounded() ? String(Int(rounded)) : String(rounded))
    }

    mutating func add(_ name: String, _ objects: [JSONObject]) { addRaw(name, JSONObject.array(objects)) }

    mutating func add(_ name: String, _ object: JSONObject) { addRaw(name, object.text) }

    /// Adds a member whose value is JSON text already.
    mutating func addRaw(_ name: String, _ json: String) {
        begin(name)
        bytes.append(contentsOf: json.utf8)
    }

    private mutating func begin(_ name: String) {
        if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
        JSONText.appendString(name, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
    }

    /// The object in one line, fit for a terminal.
    var text: String { JSONText.printable(String(decoding: bytes, as: UTF8.self) + "}") }

    /// An array of objects in one line.
    static func array(_ objects: [JSONObject]) -> String { "[" + objects.map(\.text).joined(separator: ",") + "]" }
}
