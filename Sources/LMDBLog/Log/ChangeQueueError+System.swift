import ChangeQueue
import PosixSupport

extension ChangeQueueError {
    /// What the system refused while a directory was opened or a lock taken.
    init(_ error: SystemError) {
        self.init(.cannotOpen, "\(error). Check that this user may write there.")
    }

    /// Runs `body` and types what the system refuses.
    static func onSystem<Result>(_ body: () throws(SystemError) -> Result) throws(ChangeQueueError) -> Result {
        do throws(SystemError) { return try body() } catch { throw ChangeQueueError(error) }
    }
}
