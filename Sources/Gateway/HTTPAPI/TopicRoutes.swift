import ChangeQueue
import HTTPTypes
import Hummingbird
import NIOPosix
import SluiceCore

/// `GET /topics/{topic…}` and `GET /topics/{topic…}/records`; publishing is ``PublishHandler``'s.
struct TopicRoutes: Sendable {
    let grants: RequestGrants
    let reader: LogReader
    let writer: LogWriter

    func register(on router: Router<GatewayRequestContext>) {
        router.get("/topics/**") { request, context in
            let path = try TopicPath(path: request.uri.path)
            let grant = try await grants.grant(request, context)
            try await grants.authorize(.subscribe, [path.topic], grant)
            switch path {
            case .head(let topic): return try head(topic)
            case .records(let topic):
                return try await records(topic, HistoryQuery(RequestTarget.queryItems(of: request.head.path ?? "")))
            }
        }
    }

    private func head(_ topic: Topic) throws -> Response {
        var body = Array(#"{"topic":"#.utf8)
        JSONText.appendString(topic.name, to: &body)
        body.append(contentsOf: #","sequence":\#(try newest(of: topic))}"#.utf8)
        return HTTPAnswer.json(body)
    }

    private func records(_ topic: Topic, _ query: HistoryQuery) async throws -> Response {
        let head = try newest(of: topic)
        // The walk may touch many pages that aren't in memory: a thread that may block does it.
        let body = try await NIOThreadPool.singleton.runIfActive { [reader] in
            try HistoryPage.json(of: topic, head: head, query, reader: reader)
        }
        return HTTPAnswer.json(body)
    }

    private func newest(of topic: Topic) throws(APIError) -> SequenceNumber {
        do {
            return try writer.head(of: topic)
        } catch {
            throw StorageFault.apiError(error)
        }
    }
}
