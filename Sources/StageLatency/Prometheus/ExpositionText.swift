/// Writes Prometheus' text format, version 0.0.4.
struct ExpositionText {
    private(set) var bytes: [UInt8] = []

    /// Which parts of a distribution are written as quantiles.
    static let quantiles: [(label: String, fraction: Double)] = [
        ("0.5", 0.5), ("0.9", 0.9), ("0.99", 0.99), ("0.999", 0.999),
    ]

    /// The two comment lines before a metric's samples.
    mutating func appendHeader(_ name: String, _ kind: MetricKind, help: String) {
        append("# HELP \(name) \(ExpositionText.escaped(help, quotes: false))\n# TYPE \(name) \(kind.rawValue)\n")
    }

    /// One sample; `labels` are already written out, without braces.
    mutating func appendSample(_ name: String, labels: String, value: String) {
        append(labels.isEmpty ? "\(name) \(value)\n" : "\(name){\(labels)} \(value)\n")
    }

    /// The quantiles, sum and count of a distribution.
    ///
    /// `scale`: recorded numbers in one unit of the text.
    mutating func appendSummary(_ name: String, labels: String, _ distribution: LatencyDistribution, scale: Double) {
        let before = labels.isEmpty ? "" : labels + ","
        for quantile in ExpositionText.quantiles where distribution.count > 0 {
            let value = Double(distribution.nanoseconds(atQuantile: quantile.fraction)) / scale
            let labels = #"\#(before)quantile="\#(quantile.label)""#
            appendSample(name, labels: labels, value: ExpositionText.number(value))
        }
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
