import NIOCore
import NIOHTTP1
import SluiceCore

/// What comes from the client, in its order.
extension HTTPConnection {
    /// Handles an event, or leaves it for later.
    mutating func accept(_ event: InboundEvent, now: UInt64) -> Taken {
        switch event {
        case .part(.head(let head)): return acceptHead(head, now: now)
        case .part(.body(let bytes)): return acceptBody(bytes)
        case .part(.end): return takeEnd(now: now)
        case .malformed(let answer): return acceptMalformed(answer)
        case .inputClosed:
            // Whoever waits for a WebSocket and leaves has given up.
            if case .handshake = reading { cut() }
            stay = .inputClosed
            return .done
        }
    }

    private mutating func acceptHead(_ head: HTTPRequestHead, now: UInt64) -> Taken {
        // Behind a request for a WebSocket nothing is read until that is decided.
        if case .handshake = reading { return .later }
        guard case .between = reading else { return .done }
        // Most that wait, wait for a routed answer.
        guard !order.hasRouted else { return .later }
        let asked = head
        var head = head
        var fields = PublishHead(head.headers)
        var form = AnswerFraming(head)
        // HTTP/1.0 knows no interim answers (RFC 9110, section 10.1.1).
        if form.version == .http1_0 { fields.expectsContinue = false }
        let fault = fault(of: &head, fields, &form)
        let target = head.method == .POST ? PublishTarget(uri: head.uri) : nil
        let isPublish = target != nil || fault != nil
        guard admits(isPublish ? .publish : .routed, alone: !isPublish || !form.isUsual || fields.expectsContinue)
        else {
            return .later
        }
        framing = form
        deadlines.headRead(now: now)
        let offer = UpgradeOffer(head, fields)
        if offer == .clear { decoding = .stopping }
        if !head.isKeepAlive || offer == .unclear { stay = max(stay, .ends) }
        if let fault {
            refuse(order.beginPublish(), fault.error, status: fault.status)
            guard WebSocketHandshake.isAsked(by: asked) else { return .done }
            return .action(.noteRefusedUpgrade(asked, fault.error))
        }
        if let target { return beginPublish(target, head, fields, now) }
        if WebSocketHandshake.isAsked(by: head) { return beginHandshake(head, fields) }
        return beginRouted(head, fields)
    }

    /// Whether a request may begin now; those that want anything but the usual answer run alone.
    ///
    /// One read may bring more heads than may be on their way: the others wait, read already.
    private func admits(_ kind: RequestKind, alone: Bool) -> Bool {
        order.admits(kind, alone: alone) && (order.isEmpty || framing.isUsual) && order.count < limits.pipelinedRequests
    }

    /// What is wrong with a request's head, whoever would get it; notes who sent it, and takes the prefix off its target.
    private mutating func fault(
        of head: inout HTTPRequestHead,
        _ fields: PublishHead,
        _ form: inout AnswerFraming
    ) -> HeadFault? {
        do throws(HeadFault) {
            try rules.check(head, fields, localAddress: localAddress)
            let sender = rules.sender(of: head, from: peer, isSecure: isSecure)
            client = sender.address
            form.crossOrigin = try rules.crossOrigin(head, fields, isSecure: sender.isSecure)
            // Writing to a head copies it.
            if !rules.prefix.bytes.isEmpty { head.uri = try rules.withoutPrefix(head.uri) }
        } catch {
            return error
        }
        if let host = fields.host, !acceptedHost.elementsEqual(host.utf8) { acceptedHost = Array(host.utf8) }
        return nil
    }

    private mutating func beginPublish(
        _ target: PublishTarget,
        _ head: HTTPRequestHead,
        _ fields: PublishHead,
        _ now: UInt64
    ) -> Taken {
        let limit = target == .batch ? limits.batchBytes : limits.payloadBytes
        let number = order.beginPublish()
        if let length = fields.contentLength, length > limit {
            refuse(number, .bodyTooLarge(limit))
            return .done
        }
        let publish = IncomingPublish(
            number: number,
            target: target,
            request: head,
            head: fields,
            client: client,
            acceptedAtNanoseconds: now,
            limit: limit
        )
        reading = .authorizing(publish)
        return .action(.authorize(publish))
    }

    private mutating func beginRouted(_ head: HTTPRequestHead, _ fields: PublishHead) -> Taken {
        reading = .routed
        order.beginRouted()
        routedNumber &+= 1
        routedAnswer = .awaited
        let request = RoutedRequest(
            number: routedNumber,
            head: head,
            client: client,
            certificate: certificate,
            bodyLength: fields.bodyLength
        )
        guard fields.expectsContinue else { return .action(.route(request)) }
        owed = .route(request)
        return .action(.sendContinue)
    }

    private mutating func acceptBody(_ bytes: ByteBuffer) -> Taken {
        switch reading {
        case .routed: return .action(.passBody(bytes))
        case .publish(var publish):
            // Out of the property, so that the body has one owner and isn't copied.
            reading = .discarding
            var bytes = bytes
            if let fault = publish.append(&bytes, budgets.unfinished) {
                refuse(publish.number, fault)
            } else {
                reading = .publish(publish)
            }
            return .done
        // Whatever belongs to a request that the authorizer thinks about waits with it.
        case .authorizing: return .later
        case .between, .discarding, .handshake, .ended: return .done
        }
    }

    private mutating func takeEnd(now: UInt64) -> Taken {
        if case .authorizing = reading { return .later }
        let wasReading = reading
        if case .ended = wasReading { return .done }
        reading = stay == .ends ? .ended : .between
        if decoding == .stopping { decoding = .stopped }
        deadlines.bodyRead(now: now)
        defer { beginTail(now: now) }
        switch wasReading {
        case .routed: return .action(.passEnd)
        case .publish(let publish): return .action(.check(publish))
        case .handshake(let handshake): return takeEnd(of: handshake)
        case .between, .authorizing, .discarding, .ended:
            if order.isEmpty { deadlines.allAnswered(now: now) }
            return .done
        }
    }

    /// What is behind the request counts from now.
    private mutating func beginTail(now: UInt64) {
        guard case .between = reading, tail == .head, inbox.isEmpty else { return }
        deadlines.headBegan(now: now)
    }

    private mutating func acceptMalformed(_ answer: PublishAnswer) -> Taken {
        switch reading {
        case .routed:
            guard case .refused(let error, _, _) = answer else { return .done }
            failBody()
            return .action(.failBody(error))
        case .authorizing:
            return .later
        case .discarding:
            // Answered already.
            reading = .ended
            parting = .lingering
        case .publish(let publish):
            reading = .ended
            _ = self.answer(publish.number, answer)
        case .handshake(let handshake):
            reading = .ended
            _ = self.answer(handshake.number, answer)
        case .between:
            guard admits(.publish, alone: false) else { return .later }
            reading = .ended
            framing = AnswerFraming()
            _ = self.answer(order.beginPublish(), answer)
        case .ended:
            break
        }
        return .done
    }

    /// A routed request's body breaks off; what comes behind it can't be read.
    private mutating func failBody() {
        reading = .ended
        stay = max(stay, .ends)
        parting = .lingering
    }

    /// A body is late.
    mutating func bodyIsLate(now: UInt64) {
        deadlines.bodyRead(now: now)
        let seconds = limits.bodyTimeout.nanoseconds / 1_000_000_000
        let error = APIError(.requestTimeout, "The body did not come within \(seconds) s.")
        switch reading {
        case .publish(let publish): refuse(publish.number, error)
        case .routed:
            failBody()
            owed = .failBody(error)
        // Answered already.
        case .discarding, .handshake: cut()
        case .between, .authorizing, .ended: break
        }
    }

    // MARK: - Publishes

    /// Refuses a request whose rest isn't read.
    mutating func refuse(_ number: UInt64, _ error: APIError, status: Int? = nil) {
        reading = .ended
        waitingShare = nil
        _ = answer(number, .refused(error, status: status, closes: true))
    }

    /// The client may publish what its head says: the body is read.
    mutating func admit(_ number: UInt64, _ grant: Grant, now: UInt64) {
        guard phase == .open, case .authorizing(var publish) = reading, publish.number == number else { return }
        publish.grant = grant
        reading = .publish(publish)
        waitingShare = nil
        // The client's time for the body begins now: it couldn't be read before.
        deadlines.headRead(now: now)
        if publish.head.expectsContinue { owed = .sendContinue }
    }

    /// Waits for the authorizer.
    mutating func waitForAuthorizer(now: UInt64) {
        // A slow authorizer isn't the client's fault.
        deadlines.bodyRead(now: now)
    }

    /// The client may not publish what its head says.
    ///
    /// A small body is read past, so that the connection can go on (RFC 9112, section 9.3); a client that asked whether to send its body may do
    /// either now (RFC 9110, section 10.1.1).
    mutating func refuseHead(_ number: UInt64, _ error: APIError, now: UInt64) {
        guard phase == .open, case .authorizing(let publish) = reading, publish.number == number else { return }
        waitingShare = nil
        deadlines.headRead(now: now)
        guard let length = publish.head.bodyLength, length <= limits.discardedBytes, !publish.head.expectsContinue,
            stay == .kept
        else { return refuse(number, error) }
        reading = .discarding
        _ = answer(number, .refused(error))
    }

    /// Whether a publish can be taken in front of the decoder: no request before it is still being read, waits, or is of
    /// the other kind.
    var isReadyForPlain: Bool {
        guard phase == .open, case .between = reading else { return false }
        return inbox.isEmpty && admits(.publish, alone: false)
    }

    /// Begins a publish that has come in front of the decoder, whole.
    mutating func beginPlain(now: UInt64) -> UInt64 {
        framing = AnswerFraming()
        deadlines.bodyRead(now: now)
        return order.beginPublish()
    }
}
