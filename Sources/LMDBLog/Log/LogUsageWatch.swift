import ChangeQueue
import Logging

/// Decides which lines about the log's limits are written, as a value: told each second what is used and what was refused
/// since, it says something when a limit comes near, and ten seconds' refusals in one line.
struct LogUsageWatch {
    private var warned: Set<LogResource> = []
    private var refusals: [AppendRefusal: Int] = [:]
    private var refusalsDueNanoseconds: UInt64 = 0

    static let warnPercent = 80
    /// Below it a warning may come again.
    static let calmPercent = 70
    static let refusalsNanoseconds: UInt64 = 10_000_000_000

    /// A line to be logged as a warning.
    struct Line: Equatable {
        let message: String
        let metadata: Logger.Metadata
    }

    /// So many requests were refused for this.
    mutating func refused(_ counts: [AppendRefusal: Int]) { refusals.merge(counts, uniquingKeysWith: +) }

    /// The lines that are due.
    mutating func lines(_ usage: LogUsage, nowNanoseconds now: UInt64) -> [Line] {
        var lines: [Line] = []
        let near = usage.warnings(atPercent: LogUsageWatch.warnPercent)
        let above = usage.warnings(atPercent: LogUsageWatch.calmPercent)
        for resource in LogResource.allCases {
            if let text = near[resource], warned.insert(resource).inserted {
                lines.append(
                    Line(
                        message: "the log's \(resource.rawValue) limit is near; beyond it appends are refused",
                        metadata: ["used": .string(text), "settings": .string(resource.settings)]
                    )
                )
            } else if above[resource] == nil {
                warned.remove(resource)
            }
        }
        if !refusals.isEmpty, now >= refusalsDueNanoseconds {
            let counts = refusals.map { ($0.key.rawValue, Logger.MetadataValue.string(String($0.value))) }
            lines.append(
                Line(
                    message: "appends are refused, see 'What is full' in docs/operations.md",
                    metadata: Dictionary(uniqueKeysWithValues: counts)
                )
            )
            refusals = [:]
            refusalsDueNanoseconds = now &+ LogUsageWatch.refusalsNanoseconds
        }
        return lines
    }
}
