import ChangeQueue
import Glibc
import NIOCore
import SluiceCore

/// The short way of a publish that ``PublishReader`` has found: no decoder, no head, no task.
extension HTTPConnectionHandler {
    /// Takes a plain publish.
    /// - Returns: false when it must go the long way, because something before it isn't done or its authorization needs
    ///   to be asked for.
    func accept(_ publish: PlainPublish, from bytes: UnsafeRawBufferPointer) -> Bool {
        // Another Host than the last is looked at on the long way.
        guard context != nil, connection.isReadyForPlain, isAcceptedHost(bytes[publish.host]),
            let topic = try? Topic(utf8: UnsafeRawBufferPointer(rebasing: bytes[publish.topic])),
            let grant = knownGrant(publish.authorization.map { bytes[$0] }),
            case .allow? = service.authorizer.decideNow(.publish, topic: topic, grant: grant)
        else { return false }
        let now = service.now()
        partCount &+= 1
        let number = connection.beginPlain(now: now)
        let draft: RecordDraft
        do throws(APIError) {
            let contentType = try PayloadRules.contentType(publish.contentType.map { bytes[$0] })
            let payload = [UInt8](bytes[publish.body])
            try PayloadRules.check(payload, contentType)
            draft = RecordDraft(topic: topic, payload: payload, contentType: contentType, acceptedAtNanoseconds: now)
        } catch {
            answer(number, .refused(error))
            return true
        }
        if let error = service.limiter?.refusal(
            ofRecords: 1,
            bytes: draft.payload.count,
            by: grant,
            from: connection.client,
            on: &publishes
        ) {
            answer(number, .refused(error))
            return true
        }
        bridge.append(.records([draft], by: grant.principalID)) { [self] result in
            switch result {
            case .success(let records):
                service.committed(now, records)
                service.accessLog.published(
                    topic,
                    records.count,
                    bytes: draft.payload.count,
                    by: grant.principal,
                    from: connection.client
                )
                if let record = records.first { answer(number, .accepted(record.sequence)) }
            case .failure(let error):
                answer(number, .refused(APIError(error)))
            }
        }
        return true
    }

    /// Whether the connection's last request was for this host, and let in.
    private func isAcceptedHost(_ host: Slice<UnsafeRawBufferPointer>) -> Bool {
        let host = UnsafeRawBufferPointer(rebasing: host)
        return connection.acceptedHost.withUnsafeBytes { accepted in
            guard accepted.count == host.count, let first = accepted.baseAddress, let second = host.baseAddress else {
                return false
            }
            return memcmp(first, second, host.count) == 0
        }
    }

    /// The grant of the client's credentials, if it needn't be asked for.
    private func knownGrant(_ authorization: Slice<UnsafeRawBufferPointer>?) -> Grant? {
        if let grant = service.openGrant { return grant }
        guard let authorization else { return nil }
        return grants.grant(forAuthorization: authorization, wallNanoseconds: StageClock.wallNanoseconds())
    }
}
