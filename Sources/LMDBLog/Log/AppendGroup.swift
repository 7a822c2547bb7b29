import ChangeQueue
import QueueEngine

/// The requests that share one commit, as a value: it takes what was submitted, refuses what breaks a limit, and sorts
/// the outcomes by client.
struct AppendGroup {
    /// One request and what has become of it.
    struct Entry {
        let client: Int
        let token: UInt64
        let request: AppendRequest
        /// The records, once they have their place; their commit time is set when it is known.
        var appended: [AppendedRecord] = []
        /// What happened to the item, once it is known.
        var item: ItemOutcome?
        /// What happened to message queues, once it is known.
        var messages: Result<MessageChangeOutcome, QueueError>?
        /// Why the request was refused.
        var failure: ChangeQueueError?
    }

    private(set) var clients: [any AppendClient] = []
    private(set) var bytes = 0
    var entries: [Entry] = []
    private var refusedAtFirst = 0
    /// Whether a request changes an item.
    private(set) var hasItems = false

    init(_ submissions: [AppendSubmission], limits: AppendLimits) {
        var numbers: [ObjectIdentifier: Int] = [:]
        entries.reserveCapacity(submissions.reduce(0) { $0 + $1.requests.count })
        for submission in submissions {
            let number = numbers[ObjectIdentifier(submission.client)] ?? clients.count
            if number == clients.count {
                clients.append(submission.client)
                numbers[ObjectIdentifier(submission.client)] = number
            }
            bytes += submission.bytes
            for (token, request) in submission.requests {
                if case .item = request { hasItems = true }
                // A publish may be stored many times.
                if case .messages(.topics) = request { hasItems = true }
                var entry = Entry(client: number, token: token, request: request)
                entry.failure = limits.violation(in: request)
                if entry.failure != nil { refusedAtFirst += 1 }
                entries.append(entry)
            }
        }
    }

    /// Whether any request is left to be stored.
    var hasWork: Bool { refusedAtFirst < entries.count }

    /// Forgets what a transaction that was undone had given, so that it can be tried again.
    ///
    /// What broke a limit stays refused.
    mutating func reset(limits: AppendLimits) {
        for index in entries.indices {
            entries[index].appended = []
            entries[index].item = nil
            entries[index].messages = nil
            entries[index].failure = entries[index].failure == nil ? nil : limits.violation(in: entries[index].request)
        }
    }

    /// The commit returned.
    mutating func committed(atNanoseconds time: UInt64) {
        for index in entries.indices where entries[index].failure == nil {
            for record in entries[index].appended.indices {
                entries[index].appended[record].committedAtNanoseconds = time
            }
            if let item = entries[index].item, let operation = item.operation {
                entries[index].item = ItemOutcome(operation: operation, appended: entries[index].appended.first)
            }
        }
    }

    /// Nothing was stored: every request that wasn't refused for its own reasons fails with `error`.
    mutating func failed(_ error: ChangeQueueError) {
        for index in entries.indices where entries[index].failure == nil { entries[index].failure = error }
    }

    /// How often each of the log's limits was met.
    var refusals: [AppendRefusal: Int] {
        var refusals: [AppendRefusal: Int] = [:]
        for index in entries.indices {
            if let refusal = entries[index].failure?.refusal { refusals[refusal, default: 0] += 1 }
        }
        return refusals
    }

    /// The outcomes, those of a client together and in the order of submission.
    func outcomes() -> [(client: any AppendClient, outcomes: [AppendOutcome])] {
        var byClient = [[AppendOutcome]](repeating: [], count: clients.count)
        if clients.count == 1 { byClient[0].reserveCapacity(entries.count) }
        // By index: an entry as a whole would be copied, with its request.
        for index in entries.indices {
            let failure = entries[index].failure
            byClient[entries[index].client].append(
                AppendOutcome(
                    token: entries[index].token,
                    result: failure.map { .failure($0) } ?? .success(entries[index].appended),
                    item: failure == nil ? entries[index].item : nil,
                    messages: failure == nil ? entries[index].messages : nil
                )
            )
        }
        return zip(clients, byClient).map { ($0, $1) }
    }
}
