import Dispatch
import SluiceCore
import Synchronization

/// What a process has measured of late: in the last ten seconds, minute and five minutes.
///
/// Histograms only grow, so a window is the difference between now and an earlier state, of which some are kept. Nothing is counted twice for it.
package final class LatencyWindows: Sendable {
    private let histograms: StageHistograms
    private let process: String
    private let states = Mutex(RecentReports())
    // A source of Dispatch may be used from any thread; it is only cancelled.
    private nonisolated(unsafe) let timer: any DispatchSourceTimer

    /// Begins to keep states; a queue of its own copies them every few seconds.
    package init(process: String, histograms: StageHistograms) {
        self.process = process
        self.histograms = histograms
        timer = DispatchSource.makeTimerSource(queue: DispatchQueue(label: "sluice.latency", qos: .utility))
        timer.schedule(
            deadline: .now() + .nanoseconds(Int(RecentReports.stepNanoseconds)),
            repeating: .nanoseconds(Int(RecentReports.stepNanoseconds))
        )
        timer.setEventHandler { [weak self] in self?.keep() }
        timer.activate()
    }

    deinit { timer.cancel() }

    /// What `GET /latency` answers: the whole life of the process, and the windows.
    package func report() -> LatencyReport {
        var report = whole()
        report.windows = states.withLock { $0.windows(report, nowNanoseconds: StageClock.nowNanoseconds()) }
        return report
    }

    private func keep() {
        let report = whole()
        states.withLock { $0.keep(report, nowNanoseconds: StageClock.nowNanoseconds()) }
    }

    private func whole() -> LatencyReport {
        LatencyReport(process: process, queue: histograms.queue, histograms: histograms)
    }
}

/// Earlier states of a process's histograms, more of late than of long ago.
struct RecentReports {
    /// How often a state is kept.
    static let stepNanoseconds: UInt64 = 5_000_000_000
    /// After so long only each fourth is kept on.
    private static let fineNanoseconds: UInt64 = 20_000_000_000
    private static let coarseNanoseconds: UInt64 = 4 * stepNanoseconds

    private struct State {
        let report: LatencyReport
        let atNanoseconds: UInt64
    }

    private var states: [State] = []

    /// Keeps a state.
    mutating func keep(_ report: LatencyReport, nowNanoseconds now: UInt64) {
        states.append(State(report: report, atNanoseconds: now))
        let longest = LatencyReport.Window.Length.allCases.map(\.nanoseconds).max() ?? 0
        states.removeAll { now &- $0.atNanoseconds > longest &+ RecentReports.coarseNanoseconds }
        // Thinned out once, when it is no longer young: one of each coarse span stays.
        var last: UInt64?
        states.removeAll { state in
            guard now &- state.atNanoseconds > RecentReports.fineNanoseconds else { return false }
            let span = state.atNanoseconds / RecentReports.coarseNanoseconds
            defer { last = span }
            return span == last
        }
    }

    /// What came since each window began, as nearly as states were kept; a process younger than a window has measured all within it.
    func windows(_ report: LatencyReport, nowNanoseconds now: UInt64) -> [LatencyReport.Window] {
        LatencyReport.Window.Length.allCases.map { length in
            let before = states.last { now &- $0.atNanoseconds >= length.nanoseconds }
            return LatencyReport.Window(
                seconds: length.seconds,
                stages: before.map { report.since($0.report).stages } ?? report.stages
            )
        }
    }
}
