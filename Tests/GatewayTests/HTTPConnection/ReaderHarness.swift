import ChangeQueue
import FanOut
import Metrics
import NIOCore
import NIOEmbedded
import NIOHTTP1
import SluiceCore
import TestSupport

@testable import Gateway

/// A connection as ``SluiceChildChannel`` sets it up, with a ``PublishReader`` that reads or one that leaves all to the decoder, so that tests can
/// compare the two.
final class ReaderHarness {
    let channel: EmbeddedChannel
    let log = LogStandIn()
    let router = RouterStandIn()
    let clock = HandClock()
    /// Every record that reached the log: topic, content type, payload.
    private(set) var records: [String] = []
    /// Bytes that have gone to the decoder.
    var decodedBytes: Int { counter.count }
    private(set) var output = ""
    /// Pieces that were written.
    private(set) var pieces = 0
    let handler: HTTPConnectionHandler
    private let counter = ByteCounter()
    private let closes = OutputCloses()
    private var nextSequence: UInt64 = 1
    private var routed = 0

    /// `grants`: what the authorizer is taken to have answered before.
    init(
        reads: Bool,
        limits: HTTPLimits = HTTPLimits(),
        authorizer: any Authorizer = AllowAllAuthorizer(),
        hosts: AllowedHosts = .all,
        grants: [(key: GrantKey, grant: Grant)] = []
    ) throws {
        let eventLoop = EmbeddedEventLoop()
        channel = EmbeddedChannel(loop: eventLoop)
        channel.allowOptionsWhenClosed = true
        let (log, clock) = (log, clock)
        let budgets = ByteBudgets.silent(limits)
        let service = PublishService(
            logID: 1,
            limits: limits,
            authorizer: authorizer,
            rules: HeadRules(hosts: hosts),
            budgets: budgets,
            counters: HTTPCounters(factory: NOOPMetricsHandler.instance),
            now: { clock.now },
            committed: { _, _ in }
        )
        let bridge = AppendBridge(eventLoop: eventLoop) { requests, client in log.take(requests, client) }
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandlers([closes, ClosedSocket()])
        handler = try SluiceChildChannel.addHandlers(
            to: channel,
            HTTPConnectionHandler.Services(publish: service, router: router, upgrade: HandUpgrade()),
            bridge: bridge,
            plain: PlainPipeline(),
            reader: reads ? .between : .decoding
        )
        // In front of the decoder.
        let reader = try pipeline.handler(type: PublishReader.self)
        try pipeline.addHandler(counter, position: .after(reader))
        for (key, grant) in grants {
            handler.grants.keep(grant, for: key, wallNanoseconds: StageClock.wallNanoseconds())
        }
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    deinit { _ = try? channel.finish(acceptAlreadyClosed: true) }

    func send(_ text: String) { send(ByteBuffer(string: text)) }

    /// The client sends a piece; the loop's turn ends.
    func send(_ bytes: ByteBuffer) {
        _ = try? channel.writeInbound(bytes)
        endTurn()
    }

    func closeInput() {
        channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        endTurn()
    }

    func drain() {
        channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        endTurn()
    }

    /// The log commits what waits; the router answers what it has been asked.
    func answer() {
        let waiting = log.takeAll()
        let outcomes = waiting.map { token, drafts in
            let appended = drafts.map { draft in
                defer { nextSequence += 1 }
                records.append("\(draft.topic.name) \(draft.contentType.value) \(draft.payload)")
                return AppendedRecord(
                    sequence: SequenceNumber(nextSequence),
                    previous: .none,
                    committedAtNanoseconds: 0
                )
            }
            return AppendOutcome(token: token, result: .success(appended))
        }
        if !outcomes.isEmpty { log.client?.completed(outcomes) }
        while routed < router.ends {
            routed += 1
            router.answer("routed \(routed)")
        }
        endTurn()
    }

    func endTurn() {
        channel.embeddedEventLoop.run()
        while let bytes = try? channel.readOutbound(as: IOData.self) {
            pieces += 1
            if case .byteBuffer(let buffer) = bytes { output += String(buffer: buffer) }
        }
    }

    func advance(by time: TimeAmount) {
        clock.advance(UInt64(time.nanoseconds))
        channel.embeddedEventLoop.advanceTime(by: time)
        endTurn()
    }

    /// What a client and the log can see of the connection.
    var visible: String {
        """
        \(output.split(separator: "\r\n").filter { !$0.hasPrefix("date: ") }.joined(separator: "\n"))
        \(records.joined(separator: "\n"))
        \(router.paths) \(router.body) \(router.ends) \(router.errors.count)
        open \(channel.isActive) half closed \(closes.count)
        """
    }

    /// The statuses that were written, in order.
    var statuses: [Int] {
        output.split(separator: "HTTP/1.1 ", omittingEmptySubsequences: true).compactMap { Int($0.prefix(3)) }
    }

    var isOpen: Bool { channel.isActive }

    /// Takes nothing more once the channel is closed, as a socket does.
    private final class ClosedSocket: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer

        func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
            guard context.channel.isActive else {
                promise?.fail(ChannelError.ioOnClosedChannel)
                return
            }
            context.write(data, promise: promise)
        }

        func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
            guard context.channel.isActive else {
                promise?.fail(ChannelError.alreadyClosed)
                return
            }
            context.close(mode: mode, promise: promise)
        }
    }

    /// Counts what passes.
    private final class ByteCounter: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private(set) var count = 0

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            count += unwrapInboundIn(data).readableBytes
            context.fireChannelRead(data)
        }
    }
}
