import FanOut
import HTTPTypes
import Hummingbird
import NIOCore
import ServerSentEvents
import SluiceCore

/// `GET /sse?topic=…`: events for clients that can't hold a WebSocket.
struct ServerSentRoutes: Sendable {
    let grants: RequestGrants
    let streams: EventStreams

    private static let lastEventID = HTTPField.Name("Last-Event-ID")

    func register(on router: Router<GatewayRequestContext>) {
        router.get("/sse") { request, context in
            var asked = try ServerSentRoutes.asked(request)
            asked.acceptsGzip = AcceptEncoding.hasGzip(request.headers)
            let grant = try await grants.grant(request, context)
            try await grants.authorize(.subscribe, asked.entries.map(\.topic), grant)
            return try await streams.respond(asked, grant: grant, context: context)
        }
    }

    /// What the request asks for; where the client says what it has got, that counts instead of the address.
    /// - Throws: `InvalidRequest`, `InvalidTopic` or `TooManySubscriptions`.
    private static func asked(_ request: Request) throws(APIError) -> EventStreams.Asked {
        let query = RequestTarget.queryItems(of: request.head.path ?? "")
        let parameters = try ConnectParameters(query)
        var entries = parameters.entries.map { SubscribeRequest.Entry(topic: $0.topic, after: $0.after) }
        guard !entries.isEmpty else { throw APIError(.invalidRequest, "The address names no topic: add ?topic=…") }
        guard entries.count <= ServerSentPosition.maximumTopics else {
            throw APIError(
                .tooManySubscriptions,
                "The address names \(entries.count) topics and the limit is \(ServerSentPosition.maximumTopics): a WebSocket may have more."
            )
        }
        let sent = lastEventID.flatMap { request.headers[$0] } ?? TopicPosition.value("lastEventID", query)
        guard let sent, !sent.isEmpty else {
            return EventStreams.Asked(kind: .sse, entries: entries, epoch: parameters.epoch)
        }
        guard let position = ServerSentPosition(ByteString(sent), topics: entries.map(\.topic)) else {
            throw APIError(
                .invalidRequest,
                "Last-Event-ID '\(sent.printable(limit: 60))' is not an id of a response with these topics in this order: begin anew without it."
            )
        }
        for index in entries.indices { entries[index].after = position.sequences[index] }
        return EventStreams.Asked(kind: .sse, entries: entries, epoch: EpochClaim(ByteString(position.epoch)))
    }
}
