import DeliveryLink
import SluiceCore
import Synchronization

/// What reaches the publisher's thread from event loops and from the service: taken all at once, a turn of the thread's loop.
final class Mailbox: Sendable {
    /// What has come since the last look.
    struct Contents {
        var notices: [LinkNotice] = []
        /// The drain's deadline, nanoseconds of `StageClock`, once a stop was asked for.
        var stopBy: UInt64?
    }

    private let contents = Mutex(Contents())
    private let wake: @Sendable () -> Void

    /// - Parameter wake: makes the publisher's thread look; called from any thread.
    init(wake: @escaping @Sendable () -> Void) { self.wake = wake }

    /// Puts a link's notice in.
    func put(_ notice: LinkNotice) {
        contents.withLock { $0.notices.append(notice) }
        wake()
    }

    /// Asks for a drain that is over at `deadline`.
    func stop(by deadline: UInt64) {
        contents.withLock { $0.stopBy = $0.stopBy ?? deadline }
        wake()
    }

    /// Takes the notices; a stop stays asked for.
    func take() -> Contents {
        contents.withLock { contents in
            defer { contents.notices = [] }
            return contents
        }
    }
}
