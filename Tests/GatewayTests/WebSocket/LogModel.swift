import ChangeQueue
import FanOut
import SluiceCore
import Synchronization

@testable import Gateway

/// A change log in memory, with the chain, for tests that need no disk.
final class LogModel: Sendable {
    private struct State {
        var records: [ChangeRecord] = []
        var heads: [Topic: SequenceNumber] = [:]
        var trimmedThrough: UInt64 = 0
        var fault: ChangeQueueError?
        var walked = 0
        var recordsPerSlice = ChainWalk.sliceRecords
        var waiting: [(token: UInt64, drafts: [RecordDraft])] = []
        var client: AppendBridge?
    }

    private let state = Mutex(State())

    /// Appends one record with a small payload.
    @discardableResult
    func append(_ topic: Topic, _ payload: String = "{}", _ contentType: ContentType = .json) -> ChangeRecord {
        state.withLock {
            append(RecordDraft(topic: topic, payload: Array(payload.utf8), contentType: contentType), &$0)
        }
    }

    private func append(_ draft: RecordDraft, _ state: inout State) -> ChangeRecord {
        let record = ChangeRecord(
            draft,
            sequence: SequenceNumber(UInt64(state.records.count + 1)),
            previous: state.heads[draft.topic] ?? .none,
            acceptedAtWallNanoseconds: 1
        )
        state.records.append(record)
        state.heads[draft.topic] = record.sequence
        return record
    }

    /// Removes everything up to a number.
    func trim(through sequence: UInt64) { state.withLock { $0.trimmedThrough = sequence } }

    /// Bounds the slices of walks.
    func slice(records: Int) { state.withLock { $0.recordsPerSlice = records } }

    /// Makes every later read fail, or work again.
    func fail(_ fault: ChangeQueueError?) { state.withLock { $0.fault = fault } }

    var drafts: [RecordDraft] { state.withLock { $0.waiting.flatMap(\.drafts) } }

    func head(of topic: Topic) throws -> SequenceNumber {
        try state.withLock { state in
            if let fault = state.fault { throw fault }
            return state.heads[topic] ?? .none
        }
    }

    /// Its only epoch.
    static let epoch = LogEpoch(rawValue: 0xE)
    static let epochs = LogEpochs([LogEpochs.Beginning(epoch: epoch, first: SequenceNumber(1))])

    var reader: HistoryReader {
        HistoryReader(
            advance: { [self] walks in try advance(&walks) },
            record: { [self] sequence in try record(sequence) },
            lastSequence: { [self] in state.withLock { SequenceNumber(UInt64($0.records.count)) } },
            epochs: LogModel.epochs
        )
    }

    func submit(_ requests: [(token: UInt64, request: AppendRequest)], _ client: AppendBridge) {
        state.withLock { state in
            state.client = client
            for (token, request) in requests {
                if case .records(let drafts, _) = request { state.waiting.append((token, drafts)) }
            }
        }
    }

    /// Commits what was submitted, or refuses it.
    func commit(refusing error: ChangeQueueError? = nil) {
        let (outcomes, client) = state.withLock { state in
            let outcomes = state.waiting.map { token, drafts in
                if let error { return AppendOutcome(token: token, result: .failure(error)) }
                let records = drafts.map { draft in
                    let record = append(draft, &state)
                    return AppendedRecord(
                        sequence: record.sequence,
                        previous: record.previous,
                        committedAtNanoseconds: 1
                    )
                }
                return AppendOutcome(token: token, result: .success(records))
            }
            state.waiting = []
            return (outcomes, state.client)
        }
        client?.completed(outcomes)
    }

    private func record(_ sequence: SequenceNumber) throws -> ChangeRecord? {
        try state.withLock { state in
            if let fault = state.fault { throw fault }
            guard sequence.rawValue > state.trimmedThrough, sequence.rawValue <= UInt64(state.records.count) else {
                return nil
            }
            return state.records[Int(sequence.rawValue) - 1]
        }
    }

    /// How many records walks have looked up.
    var walkedCount: Int { state.withLock { $0.walked } }

    private func advance(_ walks: inout [ChainWalk]) throws {
        var left = state.withLock { $0.recordsPerSlice }
        for position in walks.indices {
            while left > 0, let wanted = walks[position].wanted {
                if let record = try record(wanted) {
                    walks[position].found(previous: record.previous)
                } else {
                    walks[position].missing()
                }
                state.withLock { $0.walked += 1 }
                left -= 1
            }
        }
    }
}
