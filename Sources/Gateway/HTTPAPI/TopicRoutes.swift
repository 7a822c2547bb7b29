import ChangeQueue
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOPosix
import SluiceCore

/// `GET /topics/{topic…}` and `GET /topics/{topic…}/records`; publishing is ``PublishHandler``'s.
struct TopicRoutes: Sendable {
    let grants: RequestGrants
    let reader: LogReader
    let writer: LogWriter
    let unsent: ByteBudget

    func register(on router: Router<GatewayRequestContext>) {
        router.get("/topics/**") { request, context in
            let path = try TopicPath(path: request.uri.path)
            let grant = try await grants.grant(request, context)
            try await grants.authorize(.subscribe, [path.topic], grant)
            switch path {
            case .head(let topic): return try head(topic)
            case .records(let topic):
                let query = try HistoryQuery(RequestTarget.queryItems(of: request.head.path ?? ""))
                return try await records(topic, query, context)
            }
        }
    }

    private func head(_ topic: Topic) throws -> Response {
        var body = Array(#"{"topic":"#.utf8)
        JSONText.appendString(topic.name, to: &body)
        body.append(contentsOf: #","sequence":\#(try newest(of: topic))}"#.utf8)
        return HTTPAnswer.json(body)
    }

    private func records(
        _ topic: Topic,
        _ query: HistoryQuery,
        _ context: GatewayRequestContext
    ) async throws -> Response {
        let head = try newest(of: topic)
        let (page, first) = try await piece { [reader] in
            try HistoryPage(of: topic, head: head, query, reader: reader)
        }
        // Most pages are one piece.
        if page.isComplete { return HTTPAnswer.json(first) }
        let share = BudgetShare(of: unsent)
        guard share.grow(by: first.count) else { throw APIError.overloaded(unsent) }
        return HTTPAnswer.json(
            ResponseBody { writer in
                do {
                    try await send(page, first, share, PiecewiseWriter(writer: writer, eventLoop: context.eventLoop))
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
        _ writer: PiecewiseWriter
    ) async throws {
        var (page, piece) = (page, first)
        var output = writer
        try await output.write(ByteBuffer(bytes: piece))
        while !page.isComplete {
            var before = page
            (page, piece) = try await self.piece { [page] in page }
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

    /// The next piece of a page.
    ///
    /// The walk and the records may be on many pages of the log that aren't in memory: a thread that may block does it.
    private func piece(
        of page: @escaping @Sendable () throws -> HistoryPage
    ) async throws -> (page: HistoryPage, piece: [UInt8]) {
        try await NIOThreadPool.singleton.runIfActive { [reader] in
            var page = try page()
            let piece = try page.nextPiece(ofBytes: PacedAnswers.pieceBytes, reader: reader)
            return (page, piece)
        }
    }

    private func newest(of topic: Topic) throws(APIError) -> SequenceNumber {
        do {
            return try writer.head(of: topic)
        } catch {
            throw StorageFault.apiError(error)
        }
    }
}
