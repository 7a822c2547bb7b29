import SluiceCore

/// A JSON object whose members keep the order in which they are added, so that people can read it too.
struct JSONObject {
    private var json = JSONWriter()

    init() { json.beginObject() }

    mutating func add(_ name: String, _ value: String) {
        json.member(name, value)
    }

    mutating func add(_ name: String, _ value: String?) {
        json.member(name, value)
    }

    mutating func add(_ name: String, _ value: UInt64) { json.member(name, value) }

    mutating func add(_ name: String, _ value: Int) { json.member(name, value) }

    /// Rounded to milliseconds; `null` for what JSON can't hold.
    mutating func add(_ name: String, seconds value: Double) {
        guard value.isFinite, abs(value) < 1e15 else { return addRaw(name, "null") }
        let rounded = (value * 1_000).rounded() / 1_000
        addRaw(name, rounded == rounded.rounded() ? String(Int(rounded)) : String(rounded))
    }

    mutating func add(_ name: String, _ objects: [JSONObject]) { addRaw(name, JSONObject.array(objects)) }

    mutating func add(_ name: String, _ object: JSONObject) { addRaw(name, object.text) }

    /// Adds a member whose value is JSON text already.
    mutating func addRaw(_ name: String, _ value: String) {
        json.name(name)
        json.raw(value.utf8)
    }

    /// Adds a member whose value the caller writes.
    mutating func add(_ name: String, _ write: (inout JSONWriter) -> Void) {
        json.name(name)
        write(&json)
    }

    /// The object in one line, fit for a terminal.
    var text: String {
        var json = json
        json.endObject()
        return JSONText.printable(String(decoding: json.bytes, as: UTF8.self))
    }

    /// An array of objects in one line.
    static func array(_ objects: [JSONObject]) -> String { "[" + objects.map(\.text).joined(separator: ",") + "]" }
}
