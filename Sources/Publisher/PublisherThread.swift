import ChangeQueue
import Foundation
import Logging
import NIOCore
import SluiceCore
import SubscriptionRegistry

/// Owns the publisher's real thread: receiving blocks, and an LMDB write transaction belongs to the thread that began it, so this is no task.
final class PublisherThread: Sendable {
    private let mailbox: Mailbox
    private let start: @Sendable (@escaping @Sendable () -> Void) -> Void

    /// Opens the storage on the caller, so that what can't be opened is thrown before anything runs.
    /// - Throws: ``PublisherError`` with code `dataDirectory`.
    init(
        configuration: PublisherConfiguration,
        latency: PublisherLatency,
        presence: PublisherPresence,
        group: any EventLoopGroup,
        logger: Logger
    ) throws(PublisherError) {
        let storage = try PublisherStorage.open(configuration, logger)
        let doorbell = storage.doorbell
        let mailbox = Mailbox(wake: { doorbell.wake() })
        let links = LinkPool(
            group: group,
            secret: configuration.linkSecret,
            events: LinkMail(mailbox: mailbox),
            logger: logger
        )
        let loop = PublisherLoop(
            configuration: configuration,
            storage: storage,
            mailbox: mailbox,
            links: links,
            latency: latency,
            presence: presence,
            logger: logger
        )
        self.mailbox = mailbox
        // The loop's state is touched by nobody but the thread that it is handed to here, once.
        nonisolated(unsafe) let handedOver = loop
        start = { finished in
            let thread = Thread {
                handedOver.run()
                finished()
            }
            thread.name = "sluice-publisher"
            thread.stackSize = 4 * 1024 * 1024
            thread.start()
        }
    }

    /// Runs the thread to its end.
    ///
    /// Call it once.
    func run() async {
        await withCheckedContinuation { continuation in start { continuation.resume() } }
    }

    /// Asks the thread to drain and to give up what has no receipt after `timeout`.
    func stop(within timeout: Duration) {
        let (deadline, overflow) = StageClock.nowNanoseconds().addingReportingOverflow(timeout.wholeNanoseconds)
        mailbox.stop(by: overflow ? .max : deadline)
    }
}
