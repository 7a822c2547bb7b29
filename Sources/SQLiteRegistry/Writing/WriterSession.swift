import GRDB
import Logging
import SluiceCore
import SubscriptionRegistry
import Synchronization

/// The registry writer's state on its queue: applies events to the ledger, runs the transactions and answers.
final class WriterSession {
    /// What is left to be done.
    enum Next: Equatable {
        case nothing
        /// Rows that nobody waits for are to be written after the delay, nanoseconds.
        case writeRows(after: UInt64)
        /// More requests wait than one transaction serves: again, after what has come meanwhile.
        case settle
    }

    private let file: RegistryFile
    private let fault: FaultBox
    private let deliver: @Sendable ([RegistryCompletion]) -> Void
    private var gateway: GatewayRow
    private var ledger = GatewayLedger()
    private var waiting = WaitingSubscribes()
    private var flushes: [@Sendable (Result<Void, RegistryError>) -> Void] = []
    private var connection: RegistryConnection?
    private var isRegistered = false
    private var isClosed = false
    private var rowsAreScheduled = false
    private var addressHasChanged = false
    private var renewAt: UInt64 = 0
    /// Called when the gateway is registered again after the registry had lost it.
    var registeredAgain: @Sendable () -> Void = {}

    private var configuration: RegistryConfiguration { file.configuration }

    init(
        file: RegistryFile,
        gateway: GatewayRow,
        fault: FaultBox,
        deliver: @escaping @Sendable ([RegistryCompletion]) -> Void
    ) {
        self.file = file
        self.gateway = gateway
        self.fault = fault
        self.deliver = deliver
    }

    /// Requests that aren't answered yet.
    var waitingCount: Int { waiting.count }

    /// Whether the gateway has been started and not closed.
    var isOpen: Bool { connection != nil && !isClosed }

    // MARK: - Start and close

    func start() throws(RegistryError) {
        guard connection == nil, !isClosed else { return }
        let connection = try file.open(replacing: .damageOnly)
        let (id, name, now) = (gateway.id, gateway.name, configuration.wallNanoseconds())
        var removed: [GatewayID] = []
        do {
            try connection.database.inTransaction(.immediate) { db in
                let statements = RegistryStatements(db)
                removed = try statements.abandoned(besides: id, name: name, nowNanoseconds: now)
                for gateway in removed { try statements.remove(gateway) }
                return .commit
            }
            try connection.removeLeftovers(atMost: configuration.interestsPerTransaction)
        } catch {
            throw RegistryError(error, "remove abandoned gateways", path: file.path)
        }
        if !removed.isEmpty {
            let names = removed.map(\.rawValue).joined(separator: " ")
            file.logger.info("removed abandoned gateways from the registry", metadata: ["gateways": "\(names)"])
        }
        self.connection = connection
        try commit(InterestSlice(), rows: 0)
    }

    func close() {
        let wasOpen = isOpen
        isClosed = true
        let error = RegistryError(.closed, "The registry's writer was closed before the request was committed.")
        answer(waiting.takeAll()) { _ in .failure(error) }
        for flush in flushes { flush(.failure(error)) }
        flushes = []
        guard wasOpen, let connection else { return }
        self.connection = nil
        let id = gateway.id
        do {
            try connection.database.inTransaction(.immediate) { db in
                try RegistryStatements(db).remove(id)
                return .commit
            }
            try connection.removeLeftovers(atMost: configuration.interestsPerTransaction)
        } catch {
            // The lease removes them.
            file.logger.warning(
                "the gateway's rows stay in the registry until its lease lapses",
                metadata: ["error": "\(error)"]
            )
        }
    }

    // MARK: - Events

    func apply(_ events: [RegistryEvent]) {
        for event in events {
            switch event {
            case .connected(let id, let principal, let remoteAddress, let at):
                ledger.connected(id, principal: principal, remoteAddress: remoteAddress, atNanoseconds: at)
            case .subscribe(var request):
                request.added = ledger.subscribe(
                    request.connection,
                    to: request.topics,
                    atNanoseconds: request.atNanoseconds
                )
                waiting.append(request)
            case .unsubscribe(let id, let topics): ledger.unsubscribe(id, from: topics)
            case .disconnected(let id): ledger.disconnected(id)
            case .addresses(let http, let operations):
                gateway.httpAddress = http
                gateway.operationsAddress = operations
                addressHasChanged = true
            case .flush(let then): flushes.append(then)
            }
        }
    }

    /// Commits what the next requests wait for, and answers them.
    func settle() -> Next {
        guard isOpen else { return .nothing }
        // Until the lease's end nobody else may have removed the interests that were committed.
        let isLeased = isRegistered && configuration.wallNanoseconds() < gateway.leaseExpiresAtNanoseconds
        let requests = waiting.takeFirst(topics: configuration.interestsPerTransaction)
        let missing = interests(of: requests)
        if !requests.isEmpty, !isLeased || !missing.isEmpty {
            attempt(requests, InterestSlice(added: missing), rows: 0, holdsLease: isLeased)
        } else {
            answer(requests) { _ in .success(()) }
        }
        guard waiting.isEmpty else { return .settle }
        if !flushes.isEmpty { flush() }
        return rowsLater()
    }

    /// The topics of the requests whose interest the file doesn't hold, each once.
    private func interests(of requests: [SubscribeRequest]) -> [Topic] {
        var missing: Set<Topic> = []
        for request in requests {
            for topic in request.topics where ledger.missing.contains(topic) { missing.insert(topic) }
        }
        return Array(missing)
    }

    // MARK: - What nobody waits for

    func writeRows() -> Next {
        rowsAreScheduled = false
        guard isOpen, ledger.isBehind || addressHasChanged else { return .nothing }
        guard attempt([], staleSlice, rows: configuration.rowsPerTransaction) else { return .nothing }
        // The next slice is queued behind the requests that have come meanwhile.
        return rowsLater(delay: 0)
    }

    /// Renews the lease when it is due, follows the file when it was replaced, and tries again what has failed.
    func check() -> Next {
        guard isOpen, let connection else { return .nothing }
        let isDue = configuration.wallNanoseconds() >= renewAt
        if isDue || !connection.isCurrent || fault.error != nil { attempt([], InterestSlice(), rows: 0) }
        return rowsLater()
    }

    private func rowsLater(delay: UInt64? = nil) -> Next {
        guard !rowsAreScheduled, ledger.isBehind || addressHasChanged, fault.error == nil else { return .nothing }
        rowsAreScheduled = true
        return .writeRows(after: delay ?? configuration.rowsDelayNanoseconds)
    }

    private var staleSlice: InterestSlice {
        InterestSlice(removed: Array(ledger.stale.prefix(configuration.interestsPerTransaction)))
    }

    private func flush() {
        while ledger.isBehind || addressHasChanged || !ledger.missing.isEmpty {
            var slice = staleSlice
            slice.added = Array(ledger.missing.prefix(configuration.interestsPerTransaction))
            guard attempt([], slice, rows: configuration.rowsPerTransaction) else { break }
        }
        let result: Result<Void, RegistryError> = fault.error.map { .failure($0) } ?? .success(())
        for flush in flushes { flush(result) }
        flushes = []
    }

    // MARK: - Answers

    /// Commits, and answers the requests that the transaction was for; when it fails, all that wait.
    /// - Returns: whether the commit succeeded.
    @discardableResult
    private func attempt(
        _ requests: [SubscribeRequest],
        _ interests: InterestSlice,
        rows limit: Int,
        holdsLease: Bool = false
    ) -> Bool {
        do {
            try commit(interests, rows: limit)
            answer(requests) { _ in .success(()) }
            return true
        } catch {
            // Whose interests were committed earlier needs nothing from this transaction.
            let ledger = ledger
            answer(requests + waiting.takeAll()) {
                holdsLease && ledger.areWritten($0.topics) ? .success(()) : .failure(error)
            }
            return false
        }
    }

    private func answer(
        _ requests: [SubscribeRequest],
        _ result: (SubscribeRequest) -> Result<Void, RegistryError>
    ) {
        guard !requests.isEmpty else { return }
        var completions: [RegistryCompletion] = []
        completions.reserveCapacity(requests.count)
        // What a request had added stays where another one, which succeeds, leans on it.
        var kept: [ConnectionID: Set<Topic>] = [:]
        for request in requests where request.added != nil {
            if case .success = result(request) { kept[request.connection, default: []].formUnion(request.topics) }
        }
        for request in requests {
            guard let added = request.added else {
                completions.append(request.completion(.failure(unknown(request.connection))))
                continue
            }
            let result = result(request)
            if case .failure = result {
                let others = kept[request.connection] ?? []
                ledger.unsubscribe(request.connection, from: added.filter { !others.contains($0) })
            }
            completions.append(request.completion(result))
        }
        deliver(completions)
    }

    private func unknown(_ id: ConnectionID) -> RegistryError {
        RegistryError(
            .unknownConnection,
            "The connection \(id) isn't in the registry: it was never connected, or it is gone."
        )
    }

    // MARK: - Transactions

    /// One transaction: the lease if it is due, the interests, and about `limit` rows of connections and subscriptions.
    private func commit(_ interests: InterestSlice, rows limit: Int) throws(RegistryError) {
        do throws(RegistryError) {
            do throws(RegistryError) {
                try followFile()
                try write(interests, limit)
            } catch {
                guard error.code == .corrupt else { throw error }
                if let connection { try file.setAside(connection, because: error) }
                try followFile()
                try write(interests, limit)
            }
            if fault.note(nil) { file.logger.info("the registry can be written again") }
        } catch {
            if fault.note(error) { file.logger.error("the registry can't be written", metadata: ["error": "\(error)"]) }
            throw error
        }
    }

    private func write(_ interests: InterestSlice, _ limit: Int) throws(RegistryError) {
        guard let connection else { return }
        let taken = ledger.takeRows(limit)
        var transaction = WriterTransaction(
            gateway: gateway,
            isRegistered: isRegistered,
            renewAt: renewAt,
            addressHasChanged: addressHasChanged && limit > 0,
            feedRowsKept: configuration.feedRowsKept
        )
        do {
            try connection.database.inTransaction(.immediate) { db in
                // Asked for under the write lock: a wait for it may have taken seconds.
                transaction.time(configuration.wallNanoseconds(), configuration)
                try transaction.run(db, ledger: ledger, interests: interests, rows: ledger.writes(for: taken))
                return .commit
            }
        } catch {
            ledger.putBack(taken)
            throw RegistryError(error, "write", path: file.path)
        }
        if transaction.hasRegistered {
            if isRegistered {
                file.logger.notice("the registry had lost this gateway: it is registered again")
                registeredAgain()
            }
            ledger.forgetWritten()
            ledger.wroteMissing()
        } else {
            ledger.wrote(interests.added)
            ledger.removed(interests.removed)
        }
        if limit > 0 { addressHasChanged = false }
        isRegistered = true
        gateway = transaction.gateway
        renewAt = transaction.renewAt
    }

    /// Goes over to the file at the path if somebody has removed or replaced the one that is open.
    private func followFile() throws(RegistryError) {
        guard let connection, !connection.isCurrent else { return }
        file.logger.notice(
            "the registry's file was removed or replaced, registering again",
            metadata: ["path": "\(file.path)"]
        )
        let id = gateway.id
        // Whoever still reads the old file must look at the path before this gateway writes anything to the new one. A failure is no matter:
        // the readers look at the path now and then anyway.
        try? connection.database.inTransaction(.immediate) { db in
            try ChangeFeed.append(.moved, gateway: id, to: db)
            return .commit
        }
        self.connection = try file.open(replacing: .damageOnly)
        isRegistered = false
        ledger.forgetWritten()
    }
}

/// Why the last transaction failed, to be asked for from any thread.
final class FaultBox: Sendable {
    private let box = Mutex<RegistryError?>(nil)

    var error: RegistryError? { box.withLock { $0 } }

    /// Notes the outcome of a transaction.
    /// - Returns: whether the state has changed between failing and working.
    func note(_ error: RegistryError?) -> Bool {
        box.withLock { current in
            defer { current = error }
            return (current == nil) != (error == nil)
        }
    }
}
