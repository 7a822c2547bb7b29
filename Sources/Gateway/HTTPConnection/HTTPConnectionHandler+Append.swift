import ChangeQueue
import NIOCore
import SluiceCore

/// From the complete body to the log.
extension HTTPConnectionHandler {
    /// Reads the records, checks that the client may publish to the topics that only the body names, and appends.
    func check(_ publish: IncomingPublish) {
        let drafts: [RecordDraft]
        do throws(APIError) {
            drafts = try publish.drafts(limits: service.limits)
        } catch {
            return answer(publish.number, .refused(error))
        }
        // The body may have taken longer than the grant lasts.
        if publish.grant?.hasExpired(atWallNanoseconds: StageClock.wallNanoseconds()) == true {
            return answer(publish.number, .refused(.tokenExpired))
        }
        let grant = publish.grant ?? Grant()
        if let error = service.limiter?.refusal(
            ofRecords: drafts.count,
            bytes: publish.bodyBytes,
            by: grant,
            from: publish.client,
            on: &publishes
        ) {
            return answer(publish.number, .refused(error))
        }
        guard publish.target == .batch, publish.grant != nil else {
            return append(drafts, for: publish, by: grant.principalID)
        }
        var undecided: [Topic] = []
        for draft in drafts {
            switch service.authorizer.decideNow(.publish, topic: draft.topic, grant: grant) {
            case .allow?: break
            case .deny(let error)?: return answer(publish.number, .refused(error))
            case nil: undecided.append(draft.topic)
            }
        }
        if undecided.isEmpty { return append(drafts, for: publish, by: grant.principalID) }
        askAbout(undecided, drafts, publish, grant)
    }

    private func askAbout(
        _ undecided: [Topic],
        _ drafts: [RecordDraft],
        _ publish: IncomingPublish,
        _ grant: Grant
    ) {
        var publish = publish
        if let error = publish.hold(in: service.budgets.unfinished) {
            return answer(publish.number, .refused(error))
        }
        let authorizer = service.authorizer
        askAuthorizer { () async throws(APIError) -> Void in
            for topic in undecided { try await authorizer.authorize(.publish, topic: topic, grant: grant) }
        } then: { [publish] handler, result in
            switch result {
            case .success: handler.append(drafts, for: publish, by: grant.principalID)
            case .failure(let error): handler.answer(publish.number, .refused(error))
            }
        }
    }

    private func append(_ drafts: [RecordDraft], for publish: IncomingPublish, by principal: PrincipalID) {
        bridge.append(.records(drafts, by: principal)) { [self] result in
            switch result {
            case .success(let records):
                service.committed(publish.acceptedAtNanoseconds, records)
                service.accessLog.published(
                    publish.target.topic,
                    records.count,
                    bytes: publish.bodyBytes,
                    by: publish.grant?.principal,
                    from: publish.client
                )
                if publish.target == .batch {
                    answer(publish.number, .acceptedBatch(records.map(\.sequence)))
                } else if let record = records.first {
                    answer(publish.number, .accepted(record.sequence))
                }
            case .failure(let error):
                answer(publish.number, .refused(APIError(error)))
            }
        }
    }
}
