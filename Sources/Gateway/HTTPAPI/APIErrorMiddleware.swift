import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import SluiceCore

/// Turns whatever a route throws into the error body of docs/protocol.md.
struct APIErrorMiddleware: RouterMiddleware {
    let counters: HTTPCounters
    let table: RouteTable
    /// Tells of faults of ours.
    let faults: BoundedLog

    @concurrent func handle(
        _ request: Request,
        context: GatewayRequestContext,
        next: @concurrent (Request, GatewayRequestContext) async throws -> Response
    ) async throws -> Response {
        do {
            let response = try await next(request, context)
            counters.countRouted(status: response.status.code)
            return response
        } catch {
            let response = answer(to: error, request)
            counters.countRouted(status: response.status.code)
            return response
        }
    }

    private func answer(to error: any Error, _ request: Request) -> Response {
        if let error = APIError(ofLayer: error) { return HTTPAnswer.error(error) }
        switch error {
        case let error as HTTPError where error.status == .notFound:
            return table.answer(toUnknown: request)
        case let error as HTTPError where error.status == .contentTooLarge:
            return HTTPAnswer.error(APIError(.payloadTooLarge, "The body is larger than the limit."))
        case let error as HTTPError where error.status.kind == .clientError:
            return HTTPAnswer.error(APIError(.invalidRequest, error.body ?? error.status.reasonPhrase))
        case is NIOTooManyBytesError:
            return HTTPAnswer.error(APIError(.payloadTooLarge, "The body is larger than the limit."))
        default:
            faults.write(
                .error,
                "A request failed.",
                ["path": "\(request.uri.path.printable(limit: 200))", "error": "\(error)"]
            )
            return HTTPAnswer.error(
                APIError(.internalError, "The request failed inside the gateway; its log says why.")
            )
        }
    }
}
