import FoundationEssentials
package import SluiceCore

/// What `GET /latency/records/{sequence}` of a process answers: the moments of one record that the process knows.
///
///     {"sequence":18,"nanoseconds":{"accepted":…,"committed":…},"stages":{"commit":290.3}}
package struct RecordTraceReport: Equatable, Sendable {
    /// Which record.
    package let sequence: SequenceNumber
    /// When it passed which boundary, nanoseconds of `StageClock`.
    package let times: StageTimes

    // Computed, because key paths aren't Sendable.
    private static var boundaries: [(name: String, path: WritableKeyPath<StageTimes, UInt64>)] {
        [
            ("accepted", \.accepted), ("committed", \.committed), ("received", \.received), ("resolved", \.resolved),
            ("sent", \.sent), ("taken", \.taken), ("written", \.written),
        ]
    }

    /// Reports a record's times.
    package init(sequence: SequenceNumber, times: StageTimes) {
        self.sequence = sequence
        self.times = times
    }

    /// Reads what another process reported.
    /// - Throws: ``LatencyReportError`` when the bytes aren't such a report.
    package init(json: [UInt8]) throws(LatencyReportError) {
        let decoded: Wire
        do {
            decoded = try JSONDecoder().decode(Wire.self, from: Data(json))
        } catch {
            throw LatencyReportError("The bytes are not the trace of a record: \(error)")
        }
        var times = StageTimes()
        for boundary in RecordTraceReport.boundaries {
            times[keyPath: boundary.path] = decoded.nanoseconds[boundary.name] ?? 0
        }
        self.init(sequence: SequenceNumber(decoded.sequence), times: times)
    }

    /// The moments that are known in this process, else in another one.
    package func merged(with other: RecordTraceReport) -> RecordTraceReport {
        var merged = times
        for boundary in RecordTraceReport.boundaries where merged[keyPath: boundary.path] == 0 {
            merged[keyPath: boundary.path] = other.times[keyPath: boundary.path]
        }
        return RecordTraceReport(sequence: sequence, times: merged)
    }

    /// The stages whose two ends are known, in the order of a record's way, with their length in µs.
    package var stages: [(stage: Stage, microseconds: Double)] {
        Stage.allCases.compactMap { stage in
            stage.nanoseconds(in: times).map { (stage, Microseconds.rounded($0)) }
        }
    }

    /// The report as JSON; what isn't known isn't in it.
    package func json() -> [UInt8] {
        JSONWriter.object { json in
            json.member("sequence", sequence.rawValue)
            json.name("nanoseconds")
            json.object { json in
                for boundary in RecordTraceReport.boundaries where times[keyPath: boundary.path] != 0 {
                    json.member(boundary.name, times[keyPath: boundary.path])
                }
            }
            json.name("stages")
            json.object { json in
                for (stage, microseconds) in stages { json.member(stage.rawValue, microseconds) }
            }
        }
    }

    private struct Wire: Decodable {
        let sequence: UInt64
        let nanoseconds: [String: UInt64]
    }
}
