import ChangeQueue
import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1
import SluiceCore

/// Publishes that come as streams of HTTP/2.
struct StreamPublishes: Sendable {
    let service: PublishService
    let bridge: @Sendable (any EventLoop) -> AppendBridge

    /// Reads a publish's body once its client may send it, and appends its records.
    /// - Throws: what it is refused with.
    @concurrent func publish(
        _ target: PublishTarget,
        _ head: HTTPRequestHead,
        _ fields: PublishHead,
        _ body: RequestBody,
        from client: ClientAddress,
        certificate: ClientCertificate?,
        on channel: any Channel
    ) async throws(APIError) -> PublishAnswer {
        let grant = try await grant(head, client, certificate)
        if let topic = target.topic { try await authorize([topic], grant) }
        if case .invalid(let error) = target { throw error }
        let accepted = service.now()
        let limit = target == .batch ? service.limits.batchBytes : service.limits.payloadBytes
        var publish = IncomingPublish(
            number: 0,
            target: target,
            request: head,
            head: fields,
            client: client,
            acceptedAtNanoseconds: accepted,
            limit: limit
        )
        try await read(body, into: &publish)
        let drafts = try publish.drafts(limits: service.limits)
        if grant.hasExpired(atWallNanoseconds: StageClock.wallNanoseconds()) { throw .tokenExpired }
        if target == .batch { try await authorize(drafts.map(\.topic), grant) }
        if let error = service.limiter?.refusal(
            ofRecords: drafts.count,
            bytes: publish.bodyBytes,
            by: grant,
            from: client
        ) {
            throw error
        }
        let records = try await append(drafts, grant, on: channel.eventLoop)
        service.accessLog.published(
            target.topic,
            records.count,
            bytes: publish.bodyBytes,
            by: grant.principal,
            from: client
        )
        return target == .batch
            ? .acceptedBatch(records.map(\.sequence)) : .accepted(records.first?.sequence ?? .none)
    }

    private func grant(
        _ head: HTTPRequestHead,
        _ client: ClientAddress,
        _ certificate: ClientCertificate?
    ) async throws(APIError) -> Grant {
        if let grant = service.openGrant { return grant }
        return try await service.authorizer.connect(
            try ConnectRequest(
                head,
                client: client,
                certificate: certificate,
                isWebSocket: false,
                cookie: service.tokenCookie
            )
        )
    }

    private func authorize(_ topics: [Topic], _ grant: Grant) async throws(APIError) {
        try await RequestGrants(authorizer: service.authorizer).authorize(.publish, topics, grant)
    }

    private func read(_ body: RequestBody, into publish: inout IncomingPublish) async throws(APIError) {
        do {
            for try await part in body {
                var part = part
                if let error = publish.append(&part, service.budgets.unfinished) { throw error }
            }
        } catch let error as APIError {
            throw error
        } catch {
            throw APIError(.invalidRequest, "The body broke off.")
        }
    }

    private func append(
        _ drafts: [RecordDraft],
        _ grant: Grant,
        on eventLoop: any EventLoop
    ) async throws(APIError) -> [AppendedRecord] {
        let done = eventLoop.makePromise(of: [AppendedRecord].self)
        eventLoop.execute { [bridge, service] in
            let accepted = drafts.first?.acceptedAtNanoseconds ?? service.now()
            bridge(eventLoop).append(.records(drafts, by: grant.principalID)) { result in
                switch result {
                case .success(let records):
                    service.committed(accepted, records)
                    done.succeed(records)
                case .failure(let error): done.fail(APIError(error))
                }
            }
        }
        do {
            return try await done.futureResult.get()
        } catch {
            throw error as? APIError ?? APIError(.internalError, "The append failed inside the gateway.")
        }
    }

    /// What the client is told.
    static func response(_ answer: PublishAnswer, logID: UInt32) -> Response {
        let record = { (json: inout JSONWriter, sequence: SequenceNumber) in
            json.member("sequence", sequence.rawValue)
            json.member("recordId", RecordID(logID: logID, sequence: sequence).description)
        }
        switch answer {
        case .accepted(let sequence):
            return HTTPAnswer.json(JSONWriter.object { record(&$0, sequence) }, status: .accepted)
        case .acceptedBatch(let sequences):
            let body = JSONWriter.object { json in
                json.name("records")
                json.array { json in for sequence in sequences { json.object { record(&$0, sequence) } } }
            }
            return HTTPAnswer.json(body, status: .accepted)
        case .refused(let error, _, _): return HTTPAnswer.error(error)
        }
    }
}
