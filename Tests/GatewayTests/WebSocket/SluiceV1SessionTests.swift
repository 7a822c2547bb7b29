import ChangeQueue
import FanOut
import NIOCore
import SluiceCore
import TestSupport
import Testing

@testable import Gateway

@Suite("SluiceV1Session")
struct SluiceV1SessionTests {
    private func request(_ text: String) -> ClientRequest {
        SluiceV1Session(encoding: .base64, epoch: LogEpoch(rawValue: 0xE).description).request(
            InboundMessage(isText: true, payload: ByteBuffer(string: text))
        )
    }

    private func topic(_ name: String) -> Topic { Topic(alreadyChecked: name) }

    private static let faults: [(String, APIErrorCode)] = [
        ("", .invalidJSON), ("{", .invalidJSON), (#"{"action":"ping"} x"#, .invalidJSON), ("[]", .invalidRequest),
        ("3", .invalidRequest),
        ("{}", .invalidRequest), (#"{"action":7}"#, .invalidRequest), (#"{"action":"dance"}"#, .unknownAction),
        (#"{"action":"ping","id":7}"#, .invalidRequest),
        (#"{"action":"ping","id":"\#(String(repeating: "i", count: 129))"}"#, .invalidRequest),
        (#"{"action":"subscribe"}"#, .invalidRequest), (#"{"action":"subscribe","topics":[]}"#, .invalidRequest),
        (#"{"action":"subscribe","topics":"a"}"#, .invalidRequest),
        (#"{"action":"subscribe","topics":[1]}"#, .invalidRequest),
        (#"{"action":"subscribe","topics":[""]}"#, .invalidTopic),
        (#"{"action":"subscribe","topics":["a/#"]}"#, .invalidTopic),
        (#"{"action":"subscribe","topics":["a\n"]}"#, .invalidTopic),
        (#"{"action":"subscribe","topics":["\#(String(repeating: "t", count: 401))"]}"#, .invalidTopic),
        (#"{"action":"subscribe","topics":["a"],"after":17}"#, .invalidRequest),
        (#"{"action":"subscribe","topics":["a"],"after":{"a":-1}}"#, .invalidRequest),
        (#"{"action":"subscribe","topics":["a"],"after":{"a":"1"}}"#, .invalidRequest),
        (#"{"action":"subscribe","topics":["a"],"after":{"b":1}}"#, .invalidRequest),
        (#"{"action":"subscribe","topics":["a"],"binary":"raw"}"#, .invalidRequest),
        (#"{"action":"unsubscribe"}"#, .invalidRequest), (#"{"action":"unsubscribe","topics":["+"]}"#, .invalidTopic),
        (#"{"action":"publish","data":1}"#, .invalidRequest), (#"{"action":"publish","topic":"a"}"#, .invalidRequest),
        (#"{"action":"publish","topic":1,"data":1}"#, .invalidRequest),
        (#"{"action":"publish","topic":"","data":1}"#, .invalidTopic),
        (#"{"action":"publish","topic":"a","data":1,"contentType":1}"#, .invalidRequest),
        (#"{"action":"publish","topic":"a","data":1,"contentType":""}"#, .invalidRequest),
        (#"{"action":"publish","topic":"a","data":1,"contentType":"text/plain"}"#, .invalidRequest),
        (#"{"action":"publish","topic":"a","data":"x","contentType":"image/png"}"#, .invalidRequest),
        (#"{"action":"publish","topic":"a","data":"x","encoding":"base64"}"#, .invalidRequest),
        (#"{"action":"publish","topic":"a","data":"eA==","encoding":"base64"}"#, .invalidJSON),
        (#"{"action":"publish","topic":"a","data":"x","encoding":"hex"}"#, .invalidRequest),
    ]

    @Test("refuses bad messages with their code", arguments: faults.indices)
    func refuses(index: Int) {
        let (text, code) = Self.faults[index]
        guard case .refused(_, let error) = request(text) else {
            Issue.record("not refused: \(text)")
            return
        }
        #expect(error.code == code, "\(text): \(error)")
    }

    @Test("gives the id back with an error")
    func errorID() {
        guard case .refused(let id, _) = request(#"{"id":"9","action":"dance"}"#) else {
            Issue.record("not refused")
            return
        }
        #expect(id == MessageID("9"))
    }

    @Test("refuses binary messages")
    func binary() {
        let request = SluiceV1Session(encoding: .base64, epoch: LogEpoch(rawValue: 0xE).description).request(
            InboundMessage(isText: false, payload: ByteBuffer(string: "{}"))
        )
        guard case .refused(nil, let error) = request else {
            Issue.record("not refused")
            return
        }
        #expect(error.code == .invalidRequest)
    }

    @Test("reads subscribes, each topic once, with what they know")
    func subscribe() {
        let expected = SubscribeMessage(
            id: MessageID("1"),
            entries: [.init(topic: topic("b"), after: nil), .init(topic: topic("a/ü"), after: SequenceNumber(17))],
            encoding: .frames
        )
        let text =
            #"{"action":"subscribe","id":"1","topics":["b","a\/\u00fc","b"],"after":{"a/ü":17},"binary":"frames","later":true}"#
        #expect(request(text) == .subscribe(expected))
    }

    @Test("reads unsubscribes")
    func unsubscribe() {
        #expect(request(#"{"action":"unsubscribe","topics":["a"]}"#) == .unsubscribe(id: nil, topics: [topic("a")]))
    }

    @Test("takes the data as it was written")
    func publish() {
        let json = request(#"{"action":"publish","topic":"a","data": {"x" : 1.0e0, "y":"\u00e9"} }"#)
        #expect(
            json
                == .publish(
                    PublishMessage(
                        id: nil,
                        topic: topic("a"),
                        contentType: .json,
                        payload: Array(#"{"x" : 1.0e0, "y":"\u00e9"}"#.utf8)
                    )
                )
        )
        let text = request(#"{"action":"publish","topic":"a","contentType":"text/plain","data":"a\nb"}"#)
        #expect(
            text
                == .publish(
                    PublishMessage(
                        id: nil,
                        topic: topic("a"),
                        contentType: ContentType("text/plain"),
                        payload: Array("a\nb".utf8)
                    )
                )
        )
        let binary = request(
            #"{"action":"publish","topic":"a","contentType":"image/png","encoding":"base64","data":"AP8="}"#
        )
        #expect(
            binary
                == .publish(
                    PublishMessage(
                        id: nil,
                        topic: topic("a"),
                        contentType: ContentType("image/png"),
                        payload: [0, 255]
                    )
                )
        )
    }

    @Test("answers pings itself")
    func ping() {
        #expect(
            request(#"{"action":"ping","id":"3"}"#)
                == .reply(ServerFrame.frame(.text, Array(#"{"type":"pong","id":"3"}"#.utf8)))
        )
        #expect(request(#"{"action":"ping"}"#) == .reply(ServerFrame.frame(.text, Array(#"{"type":"pong"}"#.utf8))))
    }

    @Test("writes its replies")
    func replies() {
        let session = SluiceV1Session(encoding: .base64, epoch: LogEpoch(rawValue: 0xE).description)
        func text(_ frame: ByteBuffer?) -> String? {
            guard var frame else { return nil }
            return ReceivedFrame.read(&frame).first?.text
        }
        let id = MessageID("\"1\"")
        #expect(
            text(session.greeting(ConnectionID(high: 0, low: 0)))
                == #"{"type":"connected","connectionId":"AAAAAAAAAAAAAAAAAAAAAA","epoch":"000000000000000e"}"#
        )
        let lines = [
            SubscribedTopic(topic: topic("a"), sequence: SequenceNumber(17)),
            SubscribedTopic(topic: topic("b"), sequence: .none, resume: .recovered),
            SubscribedTopic(
                topic: topic("c\""),
                sequence: SequenceNumber(9),
                resume: .gap(SequenceGap(from: SequenceNumber(2), to: SequenceNumber(5)))
            ),
        ]
        #expect(
            text(session.subscribed(id, lines))
                == #"{"type":"subscribed","id":"\"1\"","topics":[{"topic":"a","sequence":17},"#
                + #"{"topic":"b","sequence":0,"recovered":true},{"topic":"c\"","sequence":9,"gap":{"from":2,"to":5}}],"epoch":"000000000000000e"}"#
        )
        #expect(
            text(session.unsubscribed(nil, [topic("a"), topic("b")])) == #"{"type":"unsubscribed","topics":["a","b"]}"#
        )
        #expect(
            text(session.published(MessageID("2"), SequenceNumber(18)))
                == #"{"type":"published","id":"2","sequence":18}"#
        )
        #expect(
            text(session.refused(nil, APIError(.invalidTopic, "it's \"bad\"")))
                == #"{"type":"error","code":"InvalidTopic","message":"it's \"bad\""}"#
        )
    }
}
