/// The client of one `async` append.
///
/// Resuming a continuation costs as much as the rest of an append, so the hot path has clients of its own.
final class SingleAppend: AppendClient {
    private let continuation: CheckedContinuation<AppendOutcome, Never>

    init(_ continuation: CheckedContinuation<AppendOutcome, Never>) { self.continuation = continuation }

    func completed(_ outcomes: [AppendOutcome]) {
        for outcome in outcomes { continuation.resume(returning: outcome) }
    }
}
