import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import SluiceCore
import StageLatency

/// Asks the running processes for what they have measured.
struct LatencyClient {
    private let client = HTTPClient.shared
    private static let timeout = TimeAmount.seconds(3)

    /// The reports of all processes that answer.
    /// - Throws: `unavailable` when none does.
    func reports(from addresses: [String]) async throws(CommandError) -> [LatencyReport] {
        var reports: [LatencyReport] = []
        var fault: String?
        for address in addresses {
            do {
                guard let body = try await get(address + "/latency") else { continue }
                reports.append(try LatencyReport(json: body))
            } catch {
                fault = "\(address): \(error)"
            }
        }
        if reports.isEmpty { throw CommandError(.unavailable, "No process answers. \(fault ?? "")") }
        return reports
    }

    /// What the processes know of one record, put together; nil when none knows it.
    func trace(of record: String, from addresses: [String]) async throws(CommandError) -> RecordTraceReport? {
        // The publisher knows sequence numbers only.
        let sequence = RecordID(record).map { $0.sequence.description } ?? record
        var trace: RecordTraceReport?
        var answers = 0
        var fault: String?
        for address in addresses {
            do {
                let body = try await get(address + "/latency/records/" + sequence)
                answers += 1
                guard let body else { continue }
                let part = try RecordTraceReport(json: body)
                trace = trace?.merged(with: part) ?? part
            } catch {
                fault = "\(address): \(error)"
            }
        }
        if answers == 0 { throw CommandError(.unavailable, "No process answers. \(fault ?? "")") }
        return trace
    }

    /// The body of a 200 answer; nil for 404.
    private func get(_ url: String) async throws -> [UInt8]? {
        let answer = try await client.execute(HTTPClientRequest(url: url), timeout: LatencyClient.timeout)
        let body = try await answer.body.collect(upTo: LatencyReport.maximumBytes)
        switch answer.status.code {
        case 200: return Array(body.readableBytesView)
        case 404: return nil
        default: throw CommandError(.unavailable, "\(url) answered \(answer.status.code)")
        }
    }
}
