/// Writes Prometheus' text format, version 0.0.4.
struct ExpositionText {
    private(set) var bytes: [UInt8] = []

    /// Upper bounds of the buckets of durations, seconds: the same in every process and version, so that they can be summed.
    static let secondBounds: [Double] = [
        0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
    ]
    /// Those of the buckets of whole numbers.
    static let countBounds: [Double] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000]

    /// The two comment lines before a metric's samples.
    mutating func appendHeader(_ name: String, _ kind: MetricKind, help: String) {
        append("# HELP \(name) \(ExpositionText.escaped(help, quotes: false))\n# TYPE \(name) \(kind.rawValue)\n")
    }

    /// One sample; `labels` are already written out, without braces.
    mutating func appendSample(_ name: String, labels: String, value: String) {
        append(labels.isEmpty ? "\(name) \(value)\n" : "\(name){\(labels)} \(value)\n")
    }

    /// The buckets, sum and count of a distribution.
    ///
    /// `scale`: recorded numbers in one unit of the text.
    mutating func appendHistogram(_ name: String, labels: String, _ distribution: LatencyDistribution, scale: Double) {
        let before = labels.isEmpty ? "" : labels + ","
        let bounds = scale == 1 ? ExpositionText.countBounds : ExpositionText.secondBounds
        let counts = distribution.cumulativeCounts(upTo: bounds.map { UInt64(($0 * scale).rounded()) })
        for (bound, count) in zip(bounds, counts) {
            appendSample(
                name + "_bucket",
                labels: #"\#(before)le="\#(ExpositionText.number(bound))""#,
                value: String(count)
            )
        }
        appendSample(name + "_bucket", labels: before + #"le="+Inf""#, value: String(distribution.count))
        appendSample(
            name + "_sum",
            labels: labels,
            value: ExpositionText.number(Double(distribution.sumNanoseconds) / scale)
        )
        appendSample(name + "_count", labels: labels, value: String(distribution.count))
    }

    /// The labels as they stand between the braces.
    ///
    /// Names that aren't allowed are changed; of two that become equal the last one counts.
    static func labels(_ dimensions: [(String, String)]) -> String {
        var labels: [(name: String, value: String)] = []
        for (key, value) in dimensions {
            let name = ExpositionText.name(key, allowsColon: false)
            labels.removeAll { $0.name == name }
            labels.append((name, value))
        }
        return labels.map { #"\#($0.name)="\#(escaped($0.value, quotes: true))""# }.joined(separator: ",")
    }

    /// `text` with every character that a name can't have replaced by `_`.
    static func name(_ text: String, allowsColon: Bool = true) -> String {
        var name = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"):
                name.unicodeScalars.append(Unicode.Scalar(byte))
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                if name.isEmpty { name = "_" }
                name.unicodeScalars.append(Unicode.Scalar(byte))
            case UInt8(ascii: ":") where allowsColon:
                name.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                name += "_"
            }
        }
        return name.isEmpty ? "_" : name
    }

    /// A number as Go's `ParseFloat` reads it, which is what the format asks for.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if let whole = Int64(exactly: value) { return String(whole) }
        return String(value)
    }

    private static func escaped(_ text: String, quotes: Bool) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += #"\\"#
            case "\n": result += #"\n"#
            case "\"" where quotes: result += #"\""#
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }
}
