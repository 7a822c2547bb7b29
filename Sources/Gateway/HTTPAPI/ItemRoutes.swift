import ChangeQueue
import HTTPTypes
import Hummingbird
import NIOCore
import SluiceCore

/// `PUT|PATCH|DELETE|GET /tables/{table}/items/{key}`: the item and its change record are stored in one transaction.
struct ItemRoutes: Sendable {
    let grants: RequestGrants
    let writer: any LogAppending
    let reader: any LogReading
    let logID: UInt32
    let budgets: ByteBudgets
    let configuration: GatewayConfiguration

    func register(on router: Router<GatewayRequestContext>) {
        router.get("/tables/**") { request, context in try await get(request, context) }
        router.put("/tables/**") { request, context in
            let contentType = try PayloadRules.contentType(request.headers[.contentType])
            return try await write(request, context, [.insert, .modify]) { body throws(APIError) in
                do throws(ChangeQueueError) { return .put(try ItemContent(body, contentType)) } catch {
                    throw APIError(error)
                }
            }
        }
        router.patch("/tables/**") { request, context in
            try await write(request, context, [.insert, .modify]) { body throws(APIError) in
                let patch: JSONMergePatch
                do throws(JSONError) { patch = try JSONMergePatch(body) } catch { throw APIError(error) }
                guard patch.isObject else {
                    throw APIError(.invalidRequest, "A PATCH takes a JSON object, a merge patch of RFC 7396.")
                }
                return .patch(patch)
            }
        }
        router.delete("/tables/**") { request, context in
            try await write(request, context, [.remove]) { _ throws(APIError) in .delete }
        }
    }

    private func write(
        _ request: Request,
        _ context: GatewayRequestContext,
        _ operations: [ChangeOperation],
        _ operation: (_ body: [UInt8]) throws(APIError) -> ItemWrite.Operation
    ) async throws -> Response {
        let path = try itemPath(request)
        let (table, key) = (try path.table, try path.key)
        let image = try image(of: request)
        let template = configuration.itemTopic
        let grant = try await grants.grant(request, context)
        try await grants.authorize(.publish, try topics(table, key, operations), grant)
        // Not before the client may write.
        let (body, share) = try await budgets.unfinished.collect(request.body, upTo: configuration.http.payloadBytes)
        defer { withExtendedLifetime(share) {} }
        // The body may have taken longer than the grant lasts.
        if grant.hasExpired(atWallNanoseconds: StageClock.wallNanoseconds()) { throw APIError.tokenExpired }
        let write = ItemWrite(
            table: table,
            key: key,
            operation: try operation(body),
            image: image,
            principal: grant.principalID,
            topic: { operation throws(TopicError) in try template.topic(table: table, key: key, operation: operation) }
        )
        do {
            return try answer(try await writer.write(write), path)
        } catch let error as ChangeQueueError {
            throw APIError(error)
        }
    }

    private func answer(_ outcome: ItemOutcome, _ path: ItemPath) throws -> Response {
        guard let operation = outcome.operation, let appended = outcome.appended else { throw notFound(path) }
        let body = JSONWriter.object { json in
            json.member("operation", operation.rawValue)
            json.member("sequence", appended.sequence.rawValue)
            json.member("recordId", RecordID(logID: logID, sequence: appended.sequence).description)
        }
        var fields = HTTPFields()
        if operation != .remove { fields[.eTag] = "\"\(appended.sequence)\"" }
        return HTTPAnswer.json(body, status: operation == .insert ? .created : .ok, fields: fields)
    }

    private func get(_ request: Request, _ context: GatewayRequestContext) async throws -> Response {
        let path = try itemPath(request)
        let (table, key) = (try path.table, try path.key)
        let grant = try await grants.grant(request, context)
        try await grants.authorize(.subscribe, try topics(table, key, [.modify]), grant)
        guard let item = try reader.item(table: table, key: key) else { throw notFound(path) }
        let tag = "\"\(item.version)\""
        var fields = StoredContent.fields(for: item.contentType.value)
        fields[.eTag] = tag
        if request.headers[.ifNoneMatch].map({ ByteString($0) }) == ByteString(tag) {
            return Response(status: .notModified, headers: fields)
        }
        return HTTPAnswer.bytes(item.value, item.contentType.value, fields: fields)
    }

    private func itemPath(_ request: Request) throws(APIError) -> ItemPath {
        guard let path = ItemPath(path: request.uri.path) else {
            throw APIError(
                .notFound,
                "There is no \(request.uri.path.printable(limit: 200)): items are at /tables/{table}/items/{key}."
            )
        }
        return path
    }

    private func topics(_ table: String, _ key: String, _ operations: [ChangeOperation]) throws(APIError) -> [Topic] {
        let template = configuration.itemTopic
        let asked = template.dependsOnOperation ? operations : Array(operations.prefix(1))
        var topics: [Topic] = []
        do throws(TopicError) {
            for operation in asked { topics.append(try template.topic(table: table, key: key, operation: operation)) }
        } catch {
            throw APIError(error)
        }
        return topics
    }

    private func image(of request: Request) throws(APIError) -> ItemImage {
        let query = RequestTarget.queryItems(of: request.head.path ?? "")
        let asked = query.first { ByteString($0.name) == "image" }?.value
        guard let name = asked ?? ItemRoutes.imageField.flatMap({ request.headers[$0] }) else {
            return configuration.itemImage
        }
        guard let image = ItemImage.allCases.first(where: { ByteString($0.rawValue) == ByteString(name) }) else {
            throw APIError(.invalidRequest, "image=\(name.printable(limit: 40)) is not new, old, both or keys.")
        }
        return image
    }

    private static let imageField = HTTPField.Name("Sluice-Image")

    private func notFound(_ path: ItemPath) -> APIError {
        APIError(.notFound, "There is no item \(path.encodedKey.string.printable(limit: 80)) in that table.")
    }
}
