import NIOCore
import NIOHTTP1
import SluiceCore
import TestSupport
import Testing

@testable import Gateway

/// Goal: whatever happens to a connection in whatever order, each request that has begun is answered once and in order while the connection
/// lasts, nothing is written behind the last answer, nothing is read while something waits, and the connection ends once its client has
/// closed its side and the answers are out.
/// Method: random events into the value, without a channel; a client that sends well-formed requests, sometimes a broken end, and a shell that
/// does what it is told, late or at once.
@Suite("HTTPConnection")
struct HTTPConnectionRandomTests {
    @Test("random events", arguments: 0..<20)
    func random(round: Int) throws {
        let seed = UInt64.random(in: .min ... .max)
        print("HTTPConnectionRandomTests.random round \(round) seed \(seed)")
        run(seed: seed)
    }

    @Test("holds for seeds that failed once", arguments: [13_639_055_862_696_055_797] as [UInt64])
    func known(seed: UInt64) { run(seed: seed) }

    private func run(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<60 {
            var run = ConnectionRun()
            for _ in 0..<Int.random(in: 5..<120, using: &random) { run.step(&random) }
            run.finish(&random)
            guard run.faults.isEmpty else {
                Issue.record("seed \(seed): \(run.faults) after \(run.steps)")
                return
            }
        }
    }
}

/// A connection with a client and a shell that the generator plays.
private struct ConnectionRun {
    private enum Kind {
        case publish
        case routed
        case handshake
    }

    private enum Waiting {
        case authorization(UInt64)
        case check(UInt64)
        case route(UInt64, HTTPConnection.RoutedAnswer)
        case upgrade(Int)
    }

    private var connection: HTTPConnection
    private var now: UInt64 = 1_000
    private(set) var steps: [String] = []
    private(set) var faults: [String] = []
    /// What the client still sends of the request that it has begun.
    private var unsent: [InboundEvent] = []
    /// Requests whose head the client has sent; each has its number in its target.
    private var sent = 0
    private var answered = 0
    /// The requests of publishes and routed requests, by the connection's own numbers.
    private var publishes: [UInt64: Int] = [:]
    private var routed: [UInt64: Int] = [:]
    private var hasHeadAnswer = false
    private var isInputClosed = false
    private var isLast = false
    private var isClosing = false
    private var isClosed = false
    private var isUpgraded = false
    private var waiting: [Waiting] = []

    init() {
        var limits = HTTPLimits()
        limits.pipelinedRequests = 4
        limits.discardedBytes = 10
        connection = HTTPConnection(limits: limits, rules: HeadRules(hosts: .all), budgets: .silent(limits), now: 1_000)
    }

    private var isDone: Bool { isClosed || isUpgraded }

    mutating func step(_ random: inout SeededGenerator) {
        now += UInt64.random(in: 0..<1_000_000_000, using: &random)
        switch Int.random(in: 0..<24, using: &random) {
        case 0..<11: send(&random)
        case 11..<20: answer(&random)
        case 20: happen("head begun") { $0.headBegan(now: $1) }
        case 21:
            if Int.random(in: 0..<6, using: &random) == 0 { happen("drain") { connection, _ in connection.drain() } }
        case 22:
            if Int.random(in: 0..<6, using: &random) == 0 { closeInput() }
        default:
            let pauses: [ConnectionDeadlines.Pause] = [.none, .ours, .stuck]
            let pause = pauses.randomElement(using: &random) ?? .none
            if Int.random(in: 0..<4, using: &random) == 0 {
                now += UInt64.random(in: 0..<80_000_000_000, using: &random)
            }
            happen("clock \(pause)") { $0.judge(now: $1, pause) }
        }
    }

    /// The client closes its side, everything is answered: the connection must end.
    mutating func finish(_ random: inout SeededGenerator) {
        closeInput()
        for _ in 0..<2_000 where !isDone {
            if waiting.isEmpty {
                now += 3_000_000_000
                happen("later") { $0.judge(now: $1, .none) }
            } else {
                answer(&random)
            }
        }
        if !isDone { faults.append("the connection doesn't end") }
        if connection.next(now: now) != nil { faults.append("something is to be done behind the end") }
    }

    private mutating func closeInput() {
        guard !isInputClosed else { return }
        isInputClosed = true
        // What is half sent is seen by the decoder as broken.
        if !unsent.isEmpty {
            happen("half") { connection, _ in
                connection.receive(.malformed(.refused(APIError(.invalidRequest, ""), closes: true)))
            }
        }
        happen("end of input") { connection, _ in connection.receive(.inputClosed) }
    }

    // MARK: - The client

    private mutating func send(_ random: inout SeededGenerator) {
        guard !isInputClosed, !isDone else { return }
        if unsent.isEmpty { unsent = request(&random) }
        if Int.random(in: 0..<60, using: &random) == 0 {
            isInputClosed = true
            happen("malformed") { connection, _ in
                connection.receive(.malformed(.refused(APIError(.invalidRequest, ""), closes: true)))
            }
            return happen("end of input") { connection, _ in connection.receive(.inputClosed) }
        }
        // A client sends several at once; only then may something come while the connection isn't read.
        guard connection.mayRead(isWritable: true) || Bool.random(using: &random) else { return }
        let event = unsent.removeFirst()
        happen("\(event)".prefix(60).description) { connection, _ in connection.receive(event) }
    }

    private mutating func request(_ random: inout SeededGenerator) -> [InboundEvent] {
        let kinds: [Kind] = [.publish, .publish, .publish, .routed, .routed, .handshake]
        let kind = kinds.randomElement(using: &random) ?? .publish
        sent += 1
        var head = HTTPRequestHead(version: .http1_1, method: .GET, uri: "/x/\(sent)", headers: ["host": "a"])
        var body: [InboundEvent] = []
        switch kind {
        case .publish:
            head.method = .POST
            head.uri = "/topics/a/\(sent)"
        case .routed:
            head.method = [.GET, .HEAD, .PUT].randomElement(using: &random) ?? .GET
        case .handshake:
            head.uri = "/ws/\(sent)"
            head.headers.add(contentsOf: [
                ("connection", "Upgrade"), ("upgrade", "websocket"), ("sec-websocket-version", "13"),
                ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ])
            if Bool.random(using: &random) { head.headers.add(name: "sec-websocket-protocol", value: "sluice.v1") }
        }
        if head.method == .POST || head.method == .PUT {
            let count = Int.random(in: 0..<3, using: &random)
            head.headers.add(name: "content-length", value: "\(2 * count)")
            body = (0..<count).map { _ in .part(.body(ByteBuffer(string: "{}"))) }
            if Int.random(in: 0..<4, using: &random) == 0 { head.headers.add(name: "expect", value: "100-continue") }
        }
        switch Int.random(in: 0..<14, using: &random) {
        case 0 where kind != .handshake: head.headers.add(name: "connection", value: "close")
        case 1 where kind != .handshake:
            head.headers.add(contentsOf: [("connection", "Upgrade"), ("upgrade", "h2c")])
        case 2 where kind != .handshake:
            head.version = .http1_0
            if Bool.random(using: &random) { head.headers.add(name: "connection", value: "keep-alive") }
        case 3: head.headers.add(name: "host", value: "b")
        default: break
        }
        return [.part(.head(head))] + body + [.part(.end(nil))]
    }

    // MARK: - The shell

    /// Something happens, and what is to be done is done.
    private mutating func happen(_ step: String, _ event: (inout HTTPConnection, UInt64) -> Void) {
        guard !isDone else { return }
        steps.append(step)
        event(&connection, now)
        while let action = connection.next(now: now) {
            guard !isDone else {
                faults.append("\(action) behind the end")
                return
            }
            perform(action)
        }
        let isHeld = !connection.inbox.isEmpty && connection.phase == .open
        if isHeld, connection.mayRead(isWritable: true) { faults.append("reads while something waits") }
        if connection.order.count > 4 { faults.append("\(connection.order.count) requests at once") }
    }

    private mutating func perform(_ action: HTTPConnection.Action) {
        steps.append("  -> " + "\(action)".prefix(while: { $0 != "(" }))
        switch action {
        case .authorize(let publish):
            publishes[publish.number] = begin(publish.request)
            waiting.append(.authorization(publish.number))
        case .check(let publish): waiting.append(.check(publish.number))
        case .route(let request):
            routed[request.number] = begin(request.head)
            if waiting.contains(where: { if case .route = $0 { true } else { false } }) {
                faults.append("two routed at once")
            }
            waiting.append(.route(request.number, .awaited))
        case .write(let answer, let framing): write(answer, framing)
        case .decideUpgrade(let head, _):
            let number = begin(head)
            if answered != number - 1 { faults.append("an upgrade before its turn") }
            waiting.append(.upgrade(number))
        case .becomeWebSocket:
            isUpgraded = true
        case .refuseWebSocket:
            if isLast { faults.append("a WebSocket behind the last answer") }
            isLast = true
        case .closeWhenWritten:
            isLast = true
            connection.lastWritten(now: now)
        case .closeOutput:
            isClosing = true
        case .close:
            isClosed = true
            waiting = []
        case .sendContinue:
            if isLast { faults.append("an interim answer behind the last") }
        case .passBody, .passEnd, .failBody, .noteRefusedUpgrade, .decodeOn: break
        }
    }

    /// A request is begun: its number.
    private mutating func begin(_ head: HTTPRequestHead) -> Int {
        if isLast { faults.append("a request behind the last answer") }
        return head.uri.split(separator: "/").last.flatMap { Int($0) } ?? 0
    }

    private mutating func write(_ answer: PublishAnswer, _ framing: AnswerFraming) {
        if isClosing { faults.append("an answer behind our end") }
        let number: Int? =
            switch answer {
            case .accepted(let sequence): Int(sequence.rawValue)
            case .refused(let error, _, _): Int(error.message)
            case .acceptedBatch: nil
            }
        count(number, framing)
    }

    /// An answer is written, of this request if that is known.
    private mutating func count(_ number: Int?, _ framing: AnswerFraming) {
        if isLast { faults.append("an answer behind the last") }
        if hasHeadAnswer { faults.append("an answer inside another") }
        answered += 1
        if let number, number != answered { faults.append("answer \(answered) is that of request \(number)") }
        // A head that never came whole is answered as well.
        if answered > sent + 1 { faults.append("\(answered) answers to \(sent) requests") }
        if framing.connection == .close { isLast = true }
    }

    /// One of those who wait answers.
    private mutating func answer(_ random: inout SeededGenerator) {
        guard let index = waiting.indices.randomElement(using: &random) else { return }
        let one = waiting[index]
        switch one {
        case .authorization(let number):
            waiting.remove(at: index)
            if Bool.random(using: &random) || Bool.random(using: &random) {
                happen("admit") { $0.admit(number, .everything, now: $1) }
            } else {
                let error = APIError(.forbidden, "\(publishes[number] ?? 0)")
                happen("refuse head") { $0.refuseHead(number, error, now: $1) }
            }
        case .check(let number):
            waiting.remove(at: index)
            let answer = PublishAnswer.accepted(SequenceNumber(UInt64(publishes[number] ?? 0)))
            var wasTakenTwice = false
            happen("commit") { connection, _ in
                _ = connection.answer(number, answer)
                wasTakenTwice = connection.answer(number, answer)
            }
            if wasTakenTwice { faults.append("answered twice") }
        case .route(let number, let progress): route(index, number, progress, &random)
        case .upgrade(let request):
            waiting.remove(at: index)
            if Bool.random(using: &random) {
                happen("accept upgrade") { connection, _ in connection.acceptUpgrade([:]) }
            } else {
                happen("refuse upgrade") { $0.refuseUpgrade(APIError(.forbidden, "\(request)"), now: $1) }
            }
        }
    }

    private mutating func route(
        _ index: Int,
        _ number: UInt64,
        _ progress: HTTPConnection.RoutedAnswer,
        _ random: inout SeededGenerator
    ) {
        if Int.random(in: 0..<40, using: &random) == 0 {
            waiting.remove(at: index)
            return happen("route breaks") { connection, _ in connection.routedEnded(number) }
        }
        guard progress == .awaited else {
            waiting.remove(at: index)
            hasHeadAnswer = false
            return happen("route ends") { $0.endRoutedAnswer(number, now: $1) }
        }
        waiting[index] = .route(number, .begun(last: false))
        steps.append("route begins")
        guard let framing = connection.beginRoutedAnswer(number, isDelimited: Bool.random(using: &random)) else {
            // Only a connection that is going to be closed doesn't want it.
            if connection.phase == .open { faults.append("a routed answer isn't wanted") }
            waiting.remove(at: index)
            return
        }
        count(routed[number], framing)
        hasHeadAnswer = true
    }
}
