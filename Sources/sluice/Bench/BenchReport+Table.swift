import Foundation
import Glibc
import SluiceCore
import StageLatency

extension BenchReport {
    /// The report for people.
    func table(hasColours: Bool = Terminal.hasColours(STDOUT_FILENO)) -> String {
        var text = head + "\n\n" + countTable.text(hasColours: hasColours) + "\n"
        text += latencyTable.text(hasColours: hasColours)
        if !stages.isEmpty { text += "\n" + StageTable.table(stages).text(hasColours: hasColours) }
        text += "\n"
        for remark in remarks { text += remark + "\n" }
        return text + verdict(hasColours) + "\n"
    }

    private var head: String {
        let pacing =
            switch plan.pacing {
            case .rate(let rate): "\(BenchReport.short(rate)) publishes/s"
            case .inFlight(let places): "\(places) publishes in flight"
            }
        return """
            \(plan.target.address), topics \(plan.topics.first?.name.printable(limit: 120) ?? "")…\(plan.topics.count - 1)
            \(plan.connections) WebSockets, \(pacing) of \(plan.payloadBytes) bytes, \
            \(BenchReport.short(plan.warmUpSeconds)) s of warm-up and \(BenchReport.short(outcome.measuredSeconds)) s measured
            all subscribed after \(BenchReport.short(outcome.connectSeconds)) s; \
            \(BenchReport.short(acknowledgedPerSecond)) publishes/s, \(BenchReport.short(deliveredPerSecond)) deliveries/s; \
            own CPU \(Int((outcome.ownProcessorShare * 100).rounded())) % of a core
            """
    }

    private var countTable: TextTable {
        let counts = outcome.counts
        var table = TextTable([("WITH THE WARM-UP", .left), ("COUNT", .right)])
        table.add(["publishes sent", "\(counts.sent)"])
        table.add(["publishes acknowledged", "\(counts.acknowledged)"])
        for (status, count) in counts.refused.sorted(by: { $0.key < $1.key }) {
            table.add(["publishes refused, \(status)", "\(count)"])
        }
        for (title, count) in [("publishes not answered", counts.unanswered), ("publishes not sent", counts.unsent)]
        where count > 0 { table.add([title, "\(count)"]) }
        table.add(["deliveries expected", "\(counts.expected)"])
        table.add(["deliveries received", "\(counts.received)"])
        table.add(["lost", "\(counts.lost)"])
        table.add(["repeated", "\(counts.repeated)"])
        table.add(["out of order", "\(counts.outOfOrder)"])
        for (title, count) in [
            ("holes in a topic's chain", counts.holes), ("later than 5 s", counts.late),
            ("not of this run", counts.unknown),
        ] where count > 0 { table.add([title, "\(count)"]) }
        for (code, count) in counts.disconnected.sorted(by: { $0.key < $1.key }) {
            table.add(["WebSockets closed, \(code)", "\(count)"])
        }
        return table
    }

    private var latencyTable: TextTable {
        var table = TextTable(
            [("SINCE DUE UNTIL", .left)] + BenchReport.quantiles.map { ($0.title, .right) }
                + [("MAX µs", .right), ("COUNT", .right)]
        )
        for (title, _, distribution) in outcome.latencies.named {
            let figures = BenchReport.quantiles.map { distribution.nanoseconds(atQuantile: $0.fraction) }
            table.add(
                [title]
                    + (figures + [distribution.maximumNanoseconds])
                    .map { distribution.count == 0 ? "–" : BenchReport.microseconds($0) }
                    + ["\(distribution.count)"]
            )
        }
        return table
    }

    private func verdict(_ hasColours: Bool) -> String {
        let text =
            isGood
            ? "Good: all acknowledged, all delivered exactly once and in order."
            : "Not good: \(outcome.counts.faults.joined(separator: ", "))."
        return hasColours ? (isGood ? Terminal.green : Terminal.red) + text + Terminal.plain : text
    }

    /// Three digits, more only for large whole numbers.
    private static func short(_ number: Double) -> String {
        if number >= 100 || number == number.rounded() { return String(Int(min(number, 1e15).rounded())) }
        return String(format: number >= 10 ? "%.1f" : "%.2f", number)
    }
}
