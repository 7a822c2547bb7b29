import SluiceCore
import StageLatency
import SubscriptionRegistry

/// The stages' latency during a run: what the processes report after it without what they reported before it.
struct BenchStages {
    private let addresses: [String]
    private let client = LatencyClient()
    private var before: [String: LatencyReport] = [:]

    /// - Parameter addresses: of the processes' HTTP servers.
    init(addresses: [String]) { self.addresses = addresses }

    /// Notes what was measured before.
    mutating func begin() async { before = await reports() }

    /// What was measured since; empty when no process answers, for the run's own figures don't need them.
    func end() async -> [StageSummary] {
        let after = await reports()
        return LatencyReport.merged(
            after.compactMap { address, report in
                // Without a report from before there is no telling what is of the run.
                before[address].map(report.since)
            }
        )
    }

    private func reports() async -> [String: LatencyReport] {
        var reports: [String: LatencyReport] = [:]
        for address in addresses {
            reports[address] = try? await client.reports(from: [address]).first
        }
        return reports
    }

    /// Who is asked: the gateway that is loaded, the publishers that are named, and the other processes of its data directory when it is at hand.
    static func addresses(_ target: BenchTarget, publishers: [String], _ settings: Settings) -> [String] {
        var addresses = [target.address] + publishers
        guard let registry = try? RegistryView(settings), let gateways = try? registry.gateways(),
            // Another system's registry may lie in the working directory.
            gateways.contains(where: { $0.httpAddress.hasSuffix(":\(target.port)") })
        else { return addresses }
        addresses += gateways.map(\.httpAddress).filter { !$0.hasSuffix(":\(target.port)") }
        addresses += ((try? registry.publishers()) ?? []).map(\.operationsAddress).filter { !publishers.contains($0) }
        return addresses
    }
}
