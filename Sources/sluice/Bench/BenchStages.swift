import SluiceCore
import StageLatency
import SubscriptionRegistry

/// The stages' latency during a run: what the processes report after it without what they reported before it.
struct BenchStages {
    private let addresses: [String]
    private let before: [String: LatencyReport]

    /// Notes what was measured before, by the processes whose HTTP servers have these addresses.
    static func begin(addresses: [String]) async -> BenchStages {
        BenchStages(addresses: addresses, before: await reports(addresses))
    }

    /// What was measured since; empty when no process answers, for the run's own figures don't need them.
    func end() async -> [StageSummary] {
        let after = await BenchStages.reports(addresses)
        return LatencyReport.merged(
            after.compactMap { address, report in
                // Without a report from before there is no telling what is of the run.
                before[address].map(report.since)
            }
        )
    }

    /// Whose stages are missing because they didn't answer.
    var silent: [String] { addresses.filter { before[$0] == nil } }

    /// Asks all at once: one that doesn't answer takes seconds to be sure of.
    private static func reports(_ addresses: [String]) async -> [String: LatencyReport] {
        await withTaskGroup(of: (String, LatencyReport?).self) { tasks in
            for address in addresses {
                tasks.addTask { (address, try? await LatencyClient().reports(from: [address]).first) }
            }
            return await tasks.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
    }

    /// Who is asked: the gateway that is loaded, the publishers that are named, and the other processes of its data directory when it is at hand.
    static func addresses(_ target: BenchTarget, publishers: [String], _ settings: Settings) -> [String] {
        var addresses = [target.address] + publishers
        guard let registry = try? RegistryView(settings), let gateways = try? registry.gateways(),
            // Another system's registry may lie in the working directory.
            let own = gateways.first(where: { $0.httpAddress.hasSuffix(":\(target.port)") })
        else { return addresses }
        // As it was named, unless operators have a port of their own.
        if own.operationsAddress != own.httpAddress { addresses[0] = own.operationsAddress }
        addresses += gateways.filter { $0.id != own.id }.map(\.operationsAddress)
        addresses += ((try? registry.publishers()) ?? []).map(\.operationsAddress).filter { !publishers.contains($0) }
        return addresses
    }
}
