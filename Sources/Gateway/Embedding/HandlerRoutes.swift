import ChangeQueue
import HTTPTypes
import Hummingbird
import SluiceCore

/// The routes of the server that embeds the gateway.
struct HandlerRoutes: Sendable {
    let handlers: [RequestHandler]
    let grants: RequestGrants
    let writer: any LogAppending
    let measures: GatewayMeasures
    let bodyBytes: Int
    let budgets: ByteBudgets

    func register(on router: Router<GatewayRequestContext>) {
        for handler in handlers {
            router.on(RouterPath(handler.path), method: handler.method) { request, context in
                try await respond(handler, request, context)
            }
        }
    }

    private func respond(
        _ handler: RequestHandler,
        _ request: Request,
        _ context: GatewayRequestContext
    ) async throws -> Response {
        let grant = handler.isAuthorized ? try await grants.grant(request, context) : nil
        let (body, share) = try await budgets.unfinished.collect(request.body, upTo: bodyBytes)
        defer { withExtendedLifetime(share) {} }
        let reply = try await handler.respond(body, try handlerContext(request, context, grant))
        if !reply.changes.isEmpty {
            let accepted = StageClock.nowNanoseconds()
            do {
                let records = try await writer.append(reply.changes, by: .server)
                measures.committed(acceptedAtNanoseconds: accepted, records.last)
            } catch {
                throw APIError(reading: error)
            }
        }
        return HTTPAnswer.bytes(reply.body, reply.contentType.value, status: reply.status, fields: reply.headers)
    }

    private func handlerContext(
        _ request: Request,
        _ context: GatewayRequestContext,
        _ grant: Grant?
    ) throws(APIError) -> HandlerContext {
        var parameters: [ByteString: String] = [:]
        for (name, value) in context.parameters {
            parameters[ByteString(name)] = try RequestTarget.text(value.utf8, name: "parameter '\(name)'")
        }
        var query: [ByteString: String] = [:]
        for (name, value) in RequestTarget.queryItems(of: request.head.path ?? "") { query[ByteString(name)] = value }
        return HandlerContext(
            method: request.method,
            path: request.uri.path,
            parameters: parameters,
            query: query,
            headers: request.headers,
            grant: grant,
            logger: context.logger
        )
    }
}
