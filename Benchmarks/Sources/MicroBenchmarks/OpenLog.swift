@testable import ChangeQueue
@testable import LMDBLog
@testable import SluiceCore

/// A log in a directory of its own, committed to on the calling thread.
final class OpenLog {
    private final class Client: AppendClient {
        func completed(_ outcomes: [AppendOutcome]) {}
    }

    /// Topics that the records are spread over.
    private static let topics = 1_000

    private let directory: ScratchDirectory
    private let committer: LogCommitter
    private let limits: AppendLimits
    private let client = Client()
    private let recordsInACommit: Int
    private var submissions: [AppendSubmission] = []
    private var number = 0

    init(recordsInACommit: Int) throws {
        directory = try ScratchDirectory()
        self.recordsInACommit = recordsInACommit
        let log = try ChangeLog.open(ChangeLogConfiguration(directory: directory.path))
        committer = LogCommitter(log: log, heads: SharedTopicHeads(log: log))
        limits = AppendLimits(maximumPayloadBytes: log.configuration.maximumPayloadBytes)
    }

    /// Gathers the requests of so many commits, a record each.
    func submit(_ commits: Int) {
        submissions = (0..<commits).map { _ in
            let requests = (0..<recordsInACommit).map { token -> (token: UInt64, request: AppendRequest) in
                number += 1
                let topic = Samples.topic(number % OpenLog.topics)
                return (UInt64(token), .records([RecordDraft(topic: topic, payload: Samples.payload)]))
            }
            let bytes = requests.reduce(0) { $0 + $1.request.pendingBytes }
            return AppendSubmission(client: client, requests: requests, bytes: bytes)
        }
    }

    /// Commits what was gathered.
    func commit(_ commits: Int) throws {
        for submission in submissions {
            var group = AppendGroup([submission], limits: limits)
            MeasuredSection.keep(try committer.store(&group))
            group.committed(atNanoseconds: StageClock.nowNanoseconds())
            for (client, outcomes) in group.outcomes() { client.completed(outcomes) }
        }
    }
}
