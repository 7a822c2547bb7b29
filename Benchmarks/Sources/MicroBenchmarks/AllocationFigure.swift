import Foundation

/// What a case's operation allocates.
struct AllocationFigure: Encodable {
    let suite: String
    let name: String
    let parts: [Part]
    /// Calls of the allocator for one operation.
    let allocations: Double
    /// What they asked for.
    let bytes: Double

    init(_ one: MicroCase, _ counted: (count: UInt64, bytes: UInt64), batches: Int) {
        suite = one.suite
        name = one.name
        parts = one.parts
        let operations = Double(batches * one.batch)
        allocations = Double(counted.count) / operations
        bytes = Double(counted.bytes) / operations
    }

    /// For people.
    var line: String {
        let each = parts.map { String(format: "%9.3f a %@", allocations / Double($0.count), $0.unit) }
        let columns = [
            "\(suite)/\(name)".padding(toLength: 48, withPad: " ", startingAt: 0),
            String(format: "%10.2f allocations", allocations), String(format: "%12.0f bytes", bytes),
        ]
        return (columns + each).joined(separator: "  ")
    }
}
