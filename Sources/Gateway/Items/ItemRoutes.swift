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
    let measures: GatewayMeasures
    let budgets: ByteBudgets
    let limiter: ClientLimiter
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
        if let error = limiter.refusal(ofRecords: 1, bytes: body.count, by: grant, from: context.client) {
            throw error
        }
        let write = ItemWrite(
            table: table,
            key: key,
            operation: try operation(body),
            image: image,
            principal: grant.principalID,
            topic: { operation throws(TopicError) in try template.topic(table: table, key: key, operation: operation) }
        )
        let accepted = StageClock.nowNanoseconds()
        do {
            let outcome = try await writer.write(write)
            measures.committed(acceptedAtNanoseconds: accepted, outcome.appended)
            return try answer(outcome, path)
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

/// `/tables/{table}/items/{key}`; the key may contain slashes.
struct ItemPath: Equatable {
    /// The table's name, percent-encoded as in the path.
    let encodedTable: ByteString
    /// The item's key, percent-encoded as in the path.
    let encodedKey: ByteString

    /// Splits a path; nil when it isn't an item's.
    init?(path: String) {
        let (prefix, infix) = ("/tables/".utf8, "/items/".utf8)
        guard path.utf8.starts(with: prefix) else { return nil }
        let rest = path.utf8.dropFirst(prefix.count)
        guard let slash = rest.firstIndex(of: UInt8(ascii: "/")) else { return nil }
        let items = rest[slash...]
        guard items.starts(with: infix) else { return nil }
        encodedTable = ByteString(decoding: rest[..<slash])
        encodedKey = ByteString(decoding: items.dropFirst(infix.count))
    }

    /// The table's name.
    /// - Throws: `InvalidRequest` when it is empty, too long, not UTF-8 or has control characters.
    var table: String { get throws(APIError) { try ItemPath.name(encodedTable, "table") } }

    /// The item's key.
    /// - Throws: `InvalidRequest` when it is empty, too long, not UTF-8 or has control characters.
    var key: String { get throws(APIError) { try ItemPath.name(encodedKey, "key") } }

    private static func name(_ encoded: ByteString, _ what: String) throws(APIError) -> String {
        let name = try RequestTarget.text(encoded.utf8, name: what)
        guard (1...Limits.attributeBytes).contains(name.utf8.count) else {
            throw APIError(
                .invalidRequest,
                "The \(what) has \(name.utf8.count) bytes; 1 to \(Limits.attributeBytes) are allowed."
            )
        }
        guard name.unicodeScalars.allSatisfy({ $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }) else {
            throw APIError(.invalidRequest, "The \(what) '\(name.printable(limit: 80))' contains a control character.")
        }
        return name
    }
}

/// How an item's content, which any client may have written, is sent so that it does nothing in the gateway's origin.
enum StoredContent {
    /// The fields beside its own type: a sandbox without scripts for whoever opens it as a page, no guessing of other types,
    /// no shared cache, and, unless the type is one that browsers only show, a download.
    static func fields(for contentType: String) -> HTTPFields {
        var fields = HTTPAnswer.sameOriginOnly
        fields[.contentSecurityPolicy] = "sandbox; default-src 'none'; frame-ancestors 'none'"
        fields[.xContentTypeOptions] = "nosniff"
        // Kept by the asking client alone, and asked for again with its ETag.
        fields[.cacheControl] = "private, no-cache"
        if !isPassive(contentType) { fields[.contentDisposition] = "attachment" }
        return fields
    }

    /// Whether browsers show a type without running anything: these and no other.
    ///
    /// Parameters make it another type, for `charset=utf-7` makes text to script; but UTF-8, which is what JSON and text
    /// usually say.
    static func isPassive(_ contentType: String) -> Bool {
        let parts = ByteString(contentType).lowercasedASCII.split(separator: ";").map(trimmed)
        guard let type = parts.first else { return false }
        guard parts.dropFirst().allSatisfy({ $0 == "charset=utf-8" || $0 == "charset=\"utf-8\"" }) else { return false }
        return passive.contains(type)
    }

    private static let passive: Set<ByteString> = [
        "application/json", "application/octet-stream", "text/plain", "image/png", "image/jpeg", "image/gif",
        "image/webp",
        "image/avif", "audio/mpeg", "audio/mp4", "audio/ogg", "audio/wav", "audio/webm", "audio/flac", "video/mp4",
        "video/ogg", "video/webm",
    ]

    private static func trimmed(_ text: ByteString) -> ByteString {
        let isSpace: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 }
        var bytes = Array(text.utf8.drop(while: isSpace))
        while let last = bytes.last, isSpace(last) { bytes.removeLast() }
        return ByteString(decoding: bytes)
    }
}
