import Configuration
import Synchronization

/// Remembers how the last setting was looked up, so that a message can say which of the sources holds the faulty value.
final class AccessOutcome: AccessReporter {
    // Called on the thread that asks, always before the answer; the lock only satisfies the protocol.
    private let last = Mutex<(source: SettingSource?, hasFailed: Bool)>((nil, false))

    func report(_ event: AccessEvent) {
        var outcome: (source: SettingSource?, hasFailed: Bool) = (nil, false)
        // The providers are asked in the order of precedence until one has the value or can't convert it.
        if let answer = event.providerResults.last {
            let source = SettingSource(rawValue: event.providerResults.count - 1)
            switch answer.result {
            case .success(let found): outcome.source = found.value == nil ? nil : source
            case .failure: outcome = (source, true)
            }
        }
        last.withLock { $0 = outcome }
    }

    /// What the last look-up found: nothing, a value, or one that can't be converted.
    var outcome: (source: SettingSource?, hasFailed: Bool) { last.withLock { $0 } }
}
