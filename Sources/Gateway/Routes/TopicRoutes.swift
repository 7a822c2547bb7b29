import ChangeQueue
import FanOut
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import SluiceCore

/// `GET /topics/{topic…}`, `/records` and `/stream` behind it; publishing is ``HTTPConnectionHandler``'s.
struct TopicRoutes: Sendable {
    let grants: RequestGrants
    let reader: any LogReading
    let history: HistoryPool
    let unsent: ByteBudget
    let streams: EventStreams
    let polls: LongPolls
    let marks = ChainMarks()

    func register(on router: Router<GatewayRequestContext>) {
        router.get("/topics/**") { request, context in
            let path = try TopicPath(path: request.uri.path)
            let grant = try await grants.grant(request, context)
            try await grants.authorize(.subscribe, [path.topic], grant)
            switch path {
            case .head(let topic): return try head(topic)
            case .records(let topic):
                let query = try HistoryQuery(RequestTarget.queryItems(of: request.head.path ?? ""))
                return try await records(topic, query, grant, context)
            case .stream(let topic):
                let position = try TopicPosition(RequestTarget.queryItems(of: request.head.path ?? ""))
                let asked = EventStreams.Asked(
                    kind: .lines,
                    entries: [.init(topic: topic, after: position.after)],
                    epoch: position.epoch
                )
                return try await streams.respond(asked, grant: grant, context: context)
            }
        }
    }

    private func head(_ topic: Topic) throws -> Response {
        let newest = try newest(of: topic)
        return HTTPAnswer.json(
            JSONWriter.object { json in
                json.member("topic", topic.name)
                json.member("sequence", newest.rawValue)
                json.member("epoch", reader.epochs.text)
            }
        )
    }

    private func records(
        _ topic: Topic,
        _ query: HistoryQuery,
        _ grant: Grant,
        _ context: GatewayRequestContext
    ) async throws -> Response {
        let asked = TimeAmount(query.wait)
        if asked > .zero {
            let newest = try newest(of: topic)
            let known = query.position.after ?? newest
            // Whoever says nothing waits for what is new.
            var query = query
            query.position.after = known
            query.wait = .zero
            if newest <= known {
                try await polls.wait(
                    for: topic,
                    upTo: asked,
                    grant: grant,
                    context: context
                ) { try self.newest(of: topic) > known }
            }
            return try await records(topic, query, grant, context)
        }
        let asker = HistoryAsker(grant, context.channel)
        let begun = try HistoryPage(of: topic, head: newest(of: topic), query, reader: reader, marks: marks)
        let (page, first) = try await nextPiece(of: begun, asker, context.channel)
        // Most pages are one piece.
        if page.isComplete { return HTTPAnswer.json(first) }
        let share = BudgetShare(of: unsent)
        guard share.grow(by: first.count) else { throw APIError.overloaded(unsent) }
        return HTTPAnswer.json(
            ResponseBody { writer in
                do {
                    let paced = PiecewiseWriter(writer: writer, eventLoop: context.channel.eventLoop)
                    try await send(page, first, share, paced, asker, context.channel)
                } catch let error as ChangeQueueError {
                    // The head has gone: only breaking off can tell the client.
                    context.logger.error("A history can't be read to its end.", metadata: ["error": "\(error)"])
                    throw error
                }
            }
        )
    }

    @concurrent private func send(
        _ page: HistoryPage,
        _ first: [UInt8],
        _ share: BudgetShare,
        _ writer: PiecewiseWriter,
        _ asker: HistoryAsker,
        _ channel: any Channel
    ) async throws {
        var (page, piece) = (page, first)
        var output = writer
        try await output.write(ByteBuffer(bytes: piece))
        while !page.isComplete {
            var before = page
            (page, piece) = try await nextPiece(of: page, asker, channel)
            // Without room for more the page ends early, and says so.
            if !share.resize(to: piece.count) {
                piece = before.end()
                page = before
            }
            try await output.write(ByteBuffer(bytes: piece))
        }
        try await output.finish(nil)
        withExtendedLifetime(share) {}
    }

    /// The next piece of a page, behind the slices of the walk that come before it; others have their turn between them.
    private func nextPiece(
        of page: HistoryPage,
        _ asker: HistoryAsker,
        _ channel: any Channel
    ) async throws -> (page: HistoryPage, piece: [UInt8]) {
        var page = page
        while true {
            let before = page
            let (after, piece) = try await history.run(for: asker, on: channel) { [reader] in
                var page = before
                let piece = try page.next(ofBytes: PacedAnswers.pieceBytes, reader: reader)
                return (page, piece)
            }
            if let piece { return (after, piece) }
            page = after
        }
    }

    private func newest(of topic: Topic) throws(APIError) -> SequenceNumber {
        do {
            return try reader.head(of: topic)
        } catch {
            throw APIError(reading: error)
        }
    }
}

/// What `GET /topics/{topic…}` asks for.
enum TopicPath: Equatable {
    /// The topic's newest sequence number.
    case head(Topic)
    /// `/records`: the topic's history.
    case records(Topic)
    /// `/stream`: the topic's events as they come.
    case stream(Topic)

    /// Takes the topic from the path.
    /// - Throws: `InvalidTopic`.
    init(path: String) throws(APIError) {
        let encoded = path.utf8.dropFirst("/topics/".utf8.count)
        func topic(before suffix: String) throws(APIError) -> Topic? {
            guard encoded.suffix(suffix.utf8.count).elementsEqual(suffix.utf8) else { return nil }
            return try RequestTarget.topic(encoded.dropLast(suffix.utf8.count))
        }
        if let topic = try topic(before: "/records") {
            self = .records(topic)
        } else if let topic = try topic(before: "/stream") {
            self = .stream(topic)
        } else {
            self = .head(try RequestTarget.topic(encoded))
        }
    }

    /// The topic, whatever is asked about it.
    var topic: Topic {
        switch self {
        case .head(let topic), .records(let topic), .stream(let topic): topic
        }
    }
}
