import ChangeQueue
import FanOut
import HTTPTypes
import Metrics
import NIOCore
import NIOEmbedded
import NIOHTTP1
import SluiceCore
import Synchronization
import TestSupport

@testable import Gateway

/// A connection in the pipeline that it has, without a socket, a log or a router: the test plays all three.
final class PublishHarness {
    let channel = EmbeddedChannel()
    let log = LogStandIn()
    let router = RouterStandIn()
    let flushes = FlushCounter()
    let clock = HandClock()
    let budgets: ByteBudgets
    let handler: HTTPConnectionHandler
    private(set) var output = ""
    private var nextSequence: UInt64 = 1

    init(
        limits: HTTPLimits = HTTPLimits(),
        authorizer: any Authorizer = AllowAllAuthorizer(),
        hosts: AllowedHosts = .all
    ) throws {
        budgets = .silent(limits)
        let log = log
        let clock = clock
        let budgets = budgets
        let service = PublishService(
            logID: 0x5f2a_91c0,
            limits: limits,
            authorizer: authorizer,
            rules: HeadRules(hosts: hosts),
            budgets: budgets,
            counters: HTTPCounters(factory: NOOPMetricsHandler.instance),
            now: { clock.now },
            committed: { _, _ in }
        )
        let bridge = AppendBridge(eventLoop: channel.eventLoop) { requests, client in log.take(requests, client) }
        try channel.pipeline.syncOperations.addHandler(flushes)
        handler = try SluiceChildChannel.addHandlers(
            to: channel,
            HTTPConnectionHandler.Services(publish: service, router: router, upgrade: HandUpgrade()),
            bridge: bridge,
            plain: PlainPipeline(),
            reader: .decoding
        )
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    /// The client sends `text` in one piece; the loop's turn ends.
    func send(_ text: String) throws {
        try channel.writeInbound(ByteBuffer(string: text))
        endTurn()
    }

    /// The client sends a publish of `{}` to `topic`.
    func publish(_ topic: String) throws { try send(PublishHarness.publish(topic)) }

    static func publish(_ topic: String, fields: String = "", body: String = "{}") -> String {
        "POST /topics/\(topic) HTTP/1.1\r\nhost: a\r\n\(fields)content-length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    static func get(_ path: String) -> String { "GET \(path) HTTP/1.1\r\nhost: a\r\n\r\n" }

    /// The log commits what has been submitted, newest submission first if `reversed`.
    func commit(reversed: Bool = false) {
        let waiting = log.takeAll()
        var outcomes: [AppendOutcome] = []
        for (token, drafts) in waiting {
            let records = drafts.map { _ in
                defer { nextSequence += 1 }
                return AppendedRecord(
                    sequence: SequenceNumber(nextSequence),
                    previous: .none,
                    committedAtNanoseconds: 0
                )
            }
            outcomes.append(AppendOutcome(token: token, result: .success(records)))
        }
        if reversed { outcomes.reverse() }
        log.client?.completed(outcomes)
        endTurn()
    }

    /// The log refuses what has been submitted.
    func refuse(_ error: ChangeQueueError) {
        log.client?.completed(log.takeAll().map { AppendOutcome(token: $0.token, result: .failure(error)) })
        endTurn()
    }

    /// The router answers its oldest request.
    func route(_ body: String, close: Bool = false) {
        router.answer(body)
        endTurn()
    }

    func endTurn() {
        channel.embeddedEventLoop.run()
        while let bytes = try? channel.readOutbound(as: IOData.self) {
            if case .byteBuffer(let buffer) = bytes { output += String(buffer: buffer) }
        }
    }

    /// Moves the clock and the loop's timers.
    func advance(by time: TimeAmount) {
        clock.advance(UInt64(time.nanoseconds))
        channel.embeddedEventLoop.advanceTime(by: time)
        endTurn()
    }

    /// Forgets and returns what was written.
    func takeOutput() -> String {
        defer { output = "" }
        return output
    }

    /// The statuses that were written, in order.
    var statuses: [Int] {
        output.split(separator: "HTTP/1.1 ", omittingEmptySubsequences: true).compactMap { Int($0.prefix(3)) }
    }

    /// The codes of the errors that were written, in order.
    var codes: [String] {
        output.split(separator: "\"code\":\"").dropFirst().map { String($0.prefix { $0 != "\"" }) }
    }

    var isOpen: Bool { channel.isActive }
}

/// Keeps what was submitted until the test commits it.
final class LogStandIn: Sendable {
    private struct State {
        var waiting: [(token: UInt64, drafts: [RecordDraft])] = []
        var submissions: [Int] = []
        var client: AppendBridge?
    }

    private let state = Mutex(State())

    var client: AppendBridge? { state.withLock { $0.client } }
    /// How many appends each submission had.
    var submissions: [Int] { state.withLock { $0.submissions } }
    var drafts: [RecordDraft] { state.withLock { $0.waiting.flatMap(\.drafts) } }

    func take(_ requests: [(token: UInt64, request: AppendRequest)], _ client: AppendBridge) {
        state.withLock { state in
            state.client = client
            state.submissions.append(requests.count)
            for (token, request) in requests {
                if case .records(let drafts, _) = request { state.waiting.append((token, drafts)) }
            }
        }
    }

    func takeAll() -> [(token: UInt64, drafts: [RecordDraft])] {
        state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting
        }
    }
}

/// Stands where Hummingbird does.
final class RouterStandIn: RequestRouting, RoutedRun {
    private(set) var heads: [HTTPRequestHead] = []
    private(set) var body = ""
    private(set) var ends = 0
    private(set) var errors: [APIError] = []
    private(set) var cancellations = 0
    var demand = BodyDemand.wanted
    private var current: (number: UInt64, connection: HTTPConnectionHandler)?

    var paths: [String] { heads.map(\.uri) }

    func begin(
        _ request: RoutedRequest,
        for connection: HTTPConnectionHandler,
        on channel: any Channel
    ) -> any RoutedRun {
        heads.append(request.head)
        current = (request.number, connection)
        return self
    }

    func append(_ bytes: ByteBuffer) { body += String(buffer: bytes) }
    func finishBody() { ends += 1 }
    func fail(_ error: APIError) { errors.append(error) }
    func inputClosed() {}
    func cancel() { cancellations += 1 }
    func wantMore() { demand = .wanted }

    /// Answers the request that waits, if one does.
    func answer(_ body: String) {
        guard let (number, connection) = current else { return }
        current = nil
        let head = RoutedHead(status: 200, fields: [.contentLength: String(body.utf8.count)])
        connection.answerRouted(number, RoutedPiece(head: head, body: ByteBuffer(string: body), place: .last), nil)
        connection.routedEnded(number)
    }

    /// Begins an answer whose end isn't known.
    func begin(_ piece: String, _ promise: EventLoopPromise<Void>? = nil) {
        let head = RoutedHead(status: 200, fields: [:])
        send(RoutedPiece(head: head, body: ByteBuffer(string: piece), place: .more), promise)
    }

    func end() {
        send(RoutedPiece(head: nil, body: nil, place: .last))
        current = nil
    }

    private func send(_ piece: RoutedPiece, _ promise: EventLoopPromise<Void>? = nil) {
        guard let (number, connection) = current else { return }
        connection.answerRouted(number, piece, promise)
    }
}

/// Takes every WebSocket and greets it.
struct HandUpgrade: ConnectionUpgrading {
    func accept(
        _ head: HTTPRequestHead,
        from client: ConnectionPeer,
        on channel: any Channel
    ) -> EventLoopFuture<HTTPHeaders> {
        guard head.uri == "/ws" else {
            return channel.eventLoop.makeFailedFuture(APIError(.forbidden, "Not here."))
        }
        return channel.eventLoop.makeSucceededFuture([:])
    }

    func install(_ head: HTTPRequestHead, on channel: any Channel, _ plain: PlainPipeline?) -> EventLoopFuture<Void> {
        channel.writeAndFlush(ByteBuffer(string: "hello")).flatMapThrowing {
            try channel.pipeline.syncOperations.addHandler(FrameEcho())
        }
    }

    /// Writes back what comes on a connection that isn't HTTP any more.
    private final class FrameEcho: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            context.writeAndFlush(wrapOutboundOut(unwrapInboundIn(data)), promise: nil)
        }
    }
}

/// Counts flushes and reads that reach the socket.
final class FlushCounter: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer

    var count = 0
    var readCount = 0

    func read(context: ChannelHandlerContext) {
        readCount += 1
        context.read()
    }

    func flush(context: ChannelHandlerContext) {
        count += 1
        context.flush()
    }
}
