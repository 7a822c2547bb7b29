import DeliveryLink
import Logging
import NIOCore
import SluiceCore

/// The publisher's loop for those who aren't on its event loop: opens what it needs, starts it, stops it.
///
/// The event loop is the publisher's alone: receiving blocks, and an LMDB write transaction belongs to the thread that began it.
struct PublisherHandle: Sendable {
    private let loop: NIOLoopBound<PublisherLoop>

    /// Opens the storage, so that what can't be opened is thrown before anything runs.
    /// - Throws: ``PublisherError`` with code `dataDirectory` or `configuration`.
    init(
        publisher: Publisher,
        latency: PublisherLatency,
        presence: PublisherPresence,
        eventLoop: any EventLoop
    ) async throws {
        let (configuration, logger) = (publisher.configuration, publisher.logger)
        let (secret, tls) = try PublisherHandle.linkFiles(configuration)
        loop = try await eventLoop.submit {
            let drivers = try publisher.openDrivers()
            let loop = PublisherLoop(
                configuration: configuration,
                secret: secret,
                tls: tls,
                drivers: drivers,
                eventLoop: eventLoop,
                latency: latency,
                presence: presence,
                logger: logger
            )
            return NIOLoopBound(loop, eventLoop: eventLoop)
        }.get()
    }

    /// What links want to be known, and whose certificates they believe.
    private static func linkFiles(
        _ configuration: PublisherConfiguration
    ) throws(PublisherError) -> (LinkSecret?, LinkTLS?) {
        do {
            let tls = try configuration.linkAuthorities.map { file throws(LinkError) in
                try LinkTLS(authorities: file)
            }
            return (try LinkSecret.ofSetting(configuration.linkSecret), tls)
        } catch {
            throw PublisherError(.configuration, error.message)
        }
    }

    /// Runs until it has drained.
    ///
    /// Call it once.
    /// - Throws: when its doorbell can't be listened to.
    func run() async throws {
        let drained = loop.eventLoop.makePromise(of: Void.self)
        loop.eventLoop.execute { loop.value.start(drained: drained) }
        try await drained.futureResult.get()
    }

    /// Asks it to drain, and to give up what has no receipt after `timeout`.
    func stop(within timeout: Duration) {
        let (deadline, overflow) = StageClock.nowNanoseconds().addingReportingOverflow(timeout.wholeNanoseconds)
        loop.eventLoop.execute { loop.value.stop(by: overflow ? .max : deadline) }
    }
}
