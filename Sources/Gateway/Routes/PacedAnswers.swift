import HTTPTypes
import Hummingbird
import NIOCore
import SluiceCore

/// Sends large answers in pieces, each when the client has taken the last, and counts them until then: clients that ask
/// and never read hold no more than the budget.
struct PacedAnswers: RouterMiddleware {
    /// About as much as one answer puts into a connection's queue at once, bytes.
    static let pieceBytes = 64 * 1024

    let budget: ByteBudget

    @concurrent func handle(
        _ request: Request,
        context: GatewayRequestContext,
        next: @concurrent (Request, GatewayRequestContext) async throws -> Response
    ) async throws -> Response {
        var response = try await next(request, context)
        guard let length = response.body.contentLength, length > PacedAnswers.pieceBytes else { return response }
        let share = BudgetShare(of: budget)
        // What a request has changed is told in any case.
        if !share.grow(by: length), request.method == .get { throw APIError.overloaded(budget) }
        let body = response.body
        response.body = ResponseBody(contentLength: length) { writer in
            try await body.write(PiecewiseWriter(writer: writer, eventLoop: context.channel.eventLoop))
            withExtendedLifetime(share) {}
        }
        return response
    }
}

/// Writes in pieces; each write waits until the connection can take it.
struct PiecewiseWriter: ResponseBodyWriter {
    var writer: any ResponseBodyWriter
    let eventLoop: any EventLoop

    @concurrent mutating func write(_ buffer: ByteBuffer) async throws {
        var buffer = buffer
        while let piece = buffer.readSlice(length: min(PacedAnswers.pieceBytes, buffer.readableBytes)),
            piece.readableBytes > 0
        {
            try await writer.write(piece)
            // Until the loop has seen the piece, the next one would not know that the connection is full.
            try await eventLoop.submit {}.get()
        }
    }

    @concurrent consuming func finish(_ trailingHeaders: HTTPFields?) async throws {
        try await writer.finish(trailingHeaders)
    }
}
