import Foundation

/// How long a case's operation takes.
struct TimeFigure: Encodable {
    let suite: String
    let name: String
    let parts: [Part]
    /// Batches that were measured.
    let measurements: Int
    /// Median of one operation.
    let nanoseconds: Double
    /// The tenth that was fastest took no longer; less noisy than the median on a machine that does other things.
    let nanosecondsFastTenth: Double

    init(_ one: MicroCase, _ measured: [Double]) {
        suite = one.suite
        name = one.name
        parts = one.parts
        measurements = measured.count
        let sorted = measured.sorted()
        func quantile(_ share: Double) -> Double {
            sorted.isEmpty ? 0 : sorted[Int(Double(sorted.count - 1) * share)] / Double(one.batch)
        }
        nanoseconds = quantile(0.5)
        nanosecondsFastTenth = quantile(0.1)
    }

    /// For people.
    var line: String {
        let each = parts.map { String(format: "%10.1f ns a %@", nanoseconds / Double($0.count), $0.unit) }
        let columns = [
            "\(suite)/\(name)".padding(toLength: 48, withPad: " ", startingAt: 0),
            String(format: "%12.1f ns", nanoseconds), String(format: "(fast tenth %.1f)", nanosecondsFastTenth),
        ]
        return (columns + each).joined(separator: "  ")
    }
}
