import Logging
import PosixSupport
import Synchronization

/// A key set that an issuer may rotate: looked at with every token, read again when it has changed.
///
/// A changed file that can't be used leaves the keys as they were, with a warning: a half-written file must not lock everyone out.
final class WebKeySetFile: Sendable {
    private struct State {
        var keys: [VerificationKey]
        var stamp: FileStamp?
    }

    /// Left-out keys that are named in the log.
    private static let reasonsPerLine = 10

    private let file: KeyFile
    private let logger: Logger
    private let state: Mutex<State>

    /// Reads the file for the first time.
    init(path: String, logger: Logger) async throws(AuthorizerConfigurationError) {
        file = KeyFile(path: path)
        self.logger = logger
        // Before the read: a change in between is then seen as one.
        let stamp = file.stamp
        let set = try await WebKeySet(try file.read(), path: path)
        state = Mutex(State(keys: set.keys, stamp: stamp))
        report(set)
    }

    /// The keys as the file has them now.
    func keys() async -> [VerificationKey] {
        let stamp = file.stamp
        let (keys, hasChanged) = state.withLock { state in
            let hasChanged = stamp != nil && stamp != state.stamp
            // Whoever notices first reads; the others go on with the old keys meanwhile.
            if hasChanged { state.stamp = stamp }
            return (state.keys, hasChanged)
        }
        guard hasChanged else { return keys }
        do throws(AuthorizerConfigurationError) {
            let set = try await WebKeySet(try file.read(), path: file.path)
            state.withLock { $0.keys = set.keys }
            report(set)
            return set.keys
        } catch {
            logger.warning("The changed key set can't be used; the old keys stay", metadata: ["reason": "\(error)"])
            return keys
        }
    }

    private func report(_ set: WebKeySet) {
        logger.info("Read the key set", metadata: ["path": "\(file.path)", "keys": "\(set.keys.count)"])
        if set.hasSecret, file.isWorldReadable {
            logger.warnOfReadableSecret("a secret in the key set", path: file.path)
        }
        guard !set.leftOut.isEmpty else { return }
        // One line, not one a key: a set may have a thousand.
        let named = set.leftOut.prefix(WebKeySetFile.reasonsPerLine)
        let others = set.leftOut.count - named.count
        logger.warning(
            "Keys of the key set are left out",
            metadata: [
                "path": "\(file.path)",
                "reason": "\(named.joined(separator: "; "))\(others > 0 ? "; and \(others) more" : "")",
            ]
        )
    }
}
