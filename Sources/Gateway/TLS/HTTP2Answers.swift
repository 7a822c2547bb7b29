import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypesHTTP1
import SluiceCore

/// Answers the requests of HTTP/2 connections: each is a stream and a task of its own, by the library's rules.
///
/// What a request must keep to is the same as in HTTP/1.1, and so are its answers; only publishes take another way, for there is no connection's
/// order to keep.
struct HTTP2Answers: Sendable {
    private let service: PublishService
    private let router: RouterTasks
    private let publishes: StreamPublishes

    init(service: PublishService, router: RouterTasks, bridge: @escaping @Sendable (any EventLoop) -> AppendBridge) {
        self.service = service
        self.router = router
        publishes = StreamPublishes(service: service, bridge: bridge)
    }

    /// Answers a request of a stream of a connection from `peer`.
    /// - Throws: when the client has gone.
    @concurrent func respond(
        _ request: Request,
        _ writer: consuming ResponseWriter,
        from peer: ConnectionPeer,
        on channel: any Channel
    ) async throws {
        // A client that sends a body has as long for it as in HTTP/1.1; its stream is cut, the others go on.
        let sendsBody = request.method != .get && request.method != .head
        let deadline =
            sendsBody
            ? channel.eventLoop.scheduleTask(in: service.limits.bodyTimeout) { channel.close(promise: nil) } : nil
        var response = await answer(request, peer, channel)
        deadline?.cancel()
        if request.method == .head {
            // What a GET would have is said, and not sent (RFC 9110, section 9.3.2).
            if let length = response.body.contentLength { response.headers[.contentLength] = String(length) }
            response.body = ResponseBody()
        }
        var date = HTTPDate()
        let now = date.text(wallSeconds: StageClock.wallNanoseconds() / 1_000_000_000)
        response.headers[.date] = String(decoding: now, as: UTF8.self)
        try await writer.write(response: response.head, body: response.body)
    }

    /// What every request must keep to, whoever answers it; then the answer.
    @concurrent private func answer(
        _ request: Request,
        _ peer: ConnectionPeer,
        _ channel: any Channel
    ) async -> Response {
        guard var head = try? HTTPRequestHead(request.head) else {
            return HTTPAnswer.error(APIError(.invalidRequest, "The request's method or target is not one of HTTP."))
        }
        let fields = PublishHead(head.headers)
        var crossOrigin: CrossOrigin?
        var response: Response
        do throws(HeadFault) {
            try service.rules.check(head, fields, localAddress: channel.localAddress)
            let sender = service.rules.sender(of: head, from: peer.address, isSecure: true)
            crossOrigin = try service.rules.crossOrigin(head, fields, isSecure: sender.isSecure)
            head.uri = try service.rules.withoutPrefix(head.uri)
            response = await answer(request, head, fields, (sender.address, peer.certificate), channel)
        } catch {
            response = refuse(error.error, from: peer.address)
        }
        for (name, value) in crossOrigin?.fields ?? [] {
            if let name = HTTPField.Name(name) { response.headers.append(HTTPField(name: name, value: value)) }
        }
        return response
    }

    private func answer(
        _ request: Request,
        _ head: HTTPRequestHead,
        _ fields: PublishHead,
        _ client: (address: ClientAddress, certificate: ClientCertificate?),
        _ channel: any Channel
    ) async -> Response {
        guard head.method == .POST, let target = PublishTarget(uri: head.uri) else {
            var routed = request.head
            routed.path = head.uri
            return await router.answer(
                Request(head: routed, body: request.body),
                from: client.address,
                certificate: client.certificate,
                on: channel
            )
        }
        do throws(APIError) {
            let answer = try await publishes.publish(
                target,
                head,
                fields,
                request.body,
                from: client.address,
                certificate: client.certificate,
                on: channel
            )
            service.counters.count(answer)
            return StreamPublishes.response(answer, logID: service.logID)
        } catch {
            return refuse(error, from: client.address)
        }
    }

    private func refuse(_ error: APIError, from client: ClientAddress) -> Response {
        service.counters.count(.refused(error))
        service.accessLog.refused(error, "publish", from: client)
        return HTTPAnswer.error(error)
    }
}
