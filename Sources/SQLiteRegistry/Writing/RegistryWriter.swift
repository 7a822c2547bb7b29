import Dispatch
package import SluiceCore
package import SubscriptionRegistry
import Synchronization

/// A gateway's writes to the registry, grouped: whatever gathers while one transaction commits goes into the next.
///
/// Every call may come from any thread and returns at once; the work is done on one serial queue of the writer's own. The calls for one
/// connection take effect in the order they were made.
package final class RegistryWriter: SubscriptionDirectory {
    private let queue: DispatchQueue
    private let mailbox: Mutex<EventMailbox>
    private let session: QueueBound<WriterSession>
    private let faultBox: FaultBox
    private let configuration: RegistryConfiguration

    /// - Parameters:
    ///   - registry: the registry to write to.
    ///   - gateway: this gateway's row, which ``start()`` writes.
    ///   - deliver: called on the writer's queue with the answers that one commit brings; the default calls each request's closure.
    package init(
        registry: RegistryDatabase,
        gateway: GatewayRow,
        deliver: @escaping @Sendable ([RegistryCompletion]) -> Void = { for completion in $0 { completion.perform() } }
    ) {
        configuration = registry.file.configuration
        queue = DispatchQueue(label: "sluice.registry.writer", qos: .userInitiated)
        mailbox = Mutex(EventMailbox(maximumWaiting: configuration.maximumWaitingRequests))
        let fault = FaultBox()
        faultBox = fault
        session = QueueBound(
            queue,
            WriterSession(file: registry.file, gateway: gateway, fault: fault, deliver: deliver)
        )
    }

    /// Why the last transaction failed; nil when it succeeded.
    package var fault: RegistryError? { faultBox.error }

    /// Registers the gateway, removes the rows of its earlier runs and of gateways whose lease has lapsed, and keeps
    /// the lease from then on.
    ///
    /// What was handed over before is written now.
    /// - Throws: `RegistryError` when the file can't be opened or written.
    package func start() throws(RegistryError) {
        let result = session.sync { session in Result { () throws(RegistryError) in try session.start() } }
        try result.get()
        drainSoon()
        watch(after: configuration.checkNanoseconds)
    }

    /// Sets what is called, on the writer's queue, when the gateway is registered again after the registry had lost it: a publisher may have
    /// retired records without it, and its clients have to be brought up from the log.
    package func whenRegisteredAgain(_ body: @escaping @Sendable () -> Void) {
        session.sync { $0.registeredAgain = body }
    }

    /// A client has connected.
    ///
    /// Its row is written with the next group.
    package func connected(_ id: ConnectionID, principal: String?, remoteAddress: String) {
        post(
            .connected(
                id,
                principal: principal,
                remoteAddress: remoteAddress,
                atNanoseconds: configuration.wallNanoseconds()
            )
        )
    }

    /// A client subscribes to topics.
    ///
    /// `then` is the barrier (docs/decisions/resolve-then-expand.md): once it is called with success, every publisher
    /// that looks at the registry finds this gateway for these topics.
    ///
    /// A failure leaves the connection as it was before the request.
    /// - Parameters:
    ///   - id: the connection, for which ``connected(_:principal:remoteAddress:)`` was called.
    ///   - topics: what it wants; those that it has already are no matter.
    ///   - then: called once: on the writer's queue, or at once on the caller's thread when the request is refused
    ///     (`overloaded`, `closed`).
    package func subscribe(
        _ id: ConnectionID,
        topics: [Topic],
        then: @escaping @Sendable (Result<Void, RegistryError>) -> Void
    ) {
        let request = SubscribeRequest(
            connection: id,
            topics: topics,
            atNanoseconds: configuration.wallNanoseconds(),
            then: then
        )
        if let error = post(.subscribe(request)) { then(.failure(error)) }
    }

    /// A client unsubscribes from topics.
    package func unsubscribe(_ id: ConnectionID, topics: [Topic]) {
        post(.unsubscribe(id, topics))
    }

    /// A client is gone, with all its subscriptions.
    package func disconnected(_ id: ConnectionID) {
        post(.disconnected(id))
    }

    /// The gateway listens at other addresses than its row says, such as ports that the system chose.
    package func listening(at httpAddress: String, operations: String) {
        post(.addresses(http: httpAddress, operations: operations))
    }

    /// Waits until everything that was handed over before is committed, the rows of connections and subscriptions too.
    /// - Throws: `RegistryError` when a transaction fails, or the writer is closed. Before ``start()`` it waits.
    package func flush() async throws(RegistryError) {
        typealias Waiter = CheckedContinuation<Result<Void, RegistryError>, Never>
        let result = await withCheckedContinuation { (continuation: Waiter) in
            let error = post(.flush { continuation.resume(returning: $0) })
            if let error { continuation.resume(returning: .failure(error)) }
        }
        try result.get()
    }

    /// Removes the gateway from the registry with everything it wrote.
    ///
    /// What is handed over later is refused.
    package func close() async {
        mailbox.withLock { $0.close() }
        await withCheckedContinuation { continuation in
            queue.async { [self] in
                session.assumeOnQueue { session in
                    session.apply(mailbox.withLock { $0.removeAll() })
                    session.close()
                }
                continuation.resume()
            }
        }
    }

    // MARK: - On the writer's queue

    @discardableResult
    private func post(_ event: RegistryEvent) -> RegistryError? {
        switch mailbox.withLock({ $0.post(event) }) {
        case .posted: return nil
        case .refused(let error): return error
        case .wake:
            drainSoon()
            return nil
        }
    }

    private func drainSoon() {
        queue.async { [self] in
            let next = session.assumeOnQueue { session in
                session.apply(mailbox.withLock { $0.removeAll() })
                let next = session.settle()
                mailbox.withLock { $0.note(takenWaiting: session.waitingCount) }
                return next
            }
            follow(next)
        }
    }

    private func follow(_ next: WriterSession.Next) {
        switch next {
        case .nothing: return
        case .settle: drainSoon()
        case .writeRows(let delay):
            queue.asyncAfter(deadline: .now() + .nanoseconds(Int(clamping: delay))) { [self] in
                follow(session.assumeOnQueue { $0.writeRows() })
            }
        }
    }

    /// Looks now and then whether the lease is due or the file was replaced.
    private func watch(after delay: UInt64) {
        queue.asyncAfter(deadline: .now() + .nanoseconds(Int(clamping: delay))) { [weak self] in
            guard let self, session.assumeOnQueue({ $0.isOpen }) else { return }
            follow(session.assumeOnQueue { $0.check() })
            watch(after: delay)
        }
    }

    /// Looks at once, for tests.
    func checkNow() {
        follow(session.sync { $0.check() })
    }
}
