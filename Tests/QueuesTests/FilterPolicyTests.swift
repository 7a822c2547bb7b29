import QueueEngine
import SluiceCore
import Testing

/// Goal: filter policies take the messages that the examples of SNS's developer guide ("Filter policy constraints", "String value matching",
/// "Numeric value matching", "Key matching", "AND/OR logic") say they take.
@Suite("Filter policies")
struct FilterPolicyTests {
    private func matches(
        _ policy: String,
        _ attributes: [(name: ByteString, type: String, value: String)]
    ) throws -> Bool {
        let values = attributes.map { MessageAttribute(name: $0.name, type: $0.type, value: .string($0.value)) }
        return try FilterPolicy(json: policy).matches(body: "", attributes: values)
    }

    private func matches(_ policy: String, body: String) throws -> Bool {
        try FilterPolicy(json: policy, scope: .body).matches(body: body, attributes: [])
    }

    @Test(
        "match one text",
        arguments: [
            (#"["rugby"]"#, "rugby", true), (#"["rugby"]"#, "Rugby", false), (#"["rugby", "tennis"]"#, "tennis", true),
            (#"[{"anything-but": ["rugby", "tennis"]}]"#, "baseball", true),
            (#"[{"anything-but": ["rugby", "tennis"]}]"#, "rugby", false),
            (#"[{"anything-but": "rugby"}]"#, "rugby", false),
            (#"[{"anything-but": {"prefix": "order-"}}]"#, "data-entry", true),
            (#"[{"anything-but": {"prefix": "order-"}}]"#, "order-number", false),
            (#"[{"anything-but": {"suffix": ["ball", "soccer"]}}]"#, "baseball", false),
            (#"[{"anything-but": {"wildcard": "*ball"}}]"#, "hockey", true),
            (#"[{"anything-but": {"wildcard": "*ball"}}]"#, "basketball", false),
            (#"[{"prefix": "bas"}]"#, "baseball", true), (#"[{"prefix": "bas"}]"#, "rugby", false),
            (#"[{"suffix": "ball"}]"#, "basketball", true), (#"[{"suffix": "ball"}]"#, "rugby", false),
            (#"[{"equals-ignore-case": "tennis"}]"#, "TENNIS", true),
            (#"[{"equals-ignore-case": "tennis"}]"#, "tennis ", false),
            (#"[{"wildcard": "*ball"}]"#, "football", true), (#"[{"wildcard": "b*ba*l"}]"#, "baseball", true),
            (#"[{"wildcard": "b*ba*l"}]"#, "baseballs", false), (#"[{"wildcard": "a\\*b"}]"#, "a*b", true),
            (#"[{"wildcard": "a\\*b"}]"#, "axb", false), (#"[{"wildcard": "*"}]"#, "", true),
            (#"[{"cidr": "10.0.0.0/24"}]"#, "10.0.0.255", true), (#"[{"cidr": "10.0.0.0/24"}]"#, "10.1.1.0", false),
            (#"[{"cidr": "2001:db8::/32"}]"#, "2001:db8:1::5", true),
            (#"[{"cidr": "2001:db8::/32"}]"#, "2001:db9::", false),
            (#"[{"cidr": "10.0.0.0/24"}]"#, "010.0.0.1", false), (#"[{"numeric": ["=", 5]}]"#, "5", false),
            (#"["e\u0301"]"#, "é", false),
        ]
    )
    func text(conditions: String, value: String, isTaken: Bool) throws {
        let found = try matches(#"{"interest": \#(conditions)}"#, [("interest", "String", value)])
        #expect(found == isTaken, "\(conditions) \(value)")
    }

    @Test(
        "match one number",
        arguments: [
            ("[100]", "100.0", true), (#"[{"numeric": ["=", 301.5]}]"#, "3.015e2", true),
            (#"[{"numeric": ["<", 0]}]"#, "-0.1", true), (#"[{"numeric": [">", 0, "<=", 150]}]"#, "150", true),
            (#"[{"numeric": [">", 0, "<=", 150]}]"#, "0", false), (#"[{"numeric": [">=", 100]}]"#, "99.99999", false),
            (#"[{"anything-but": [100, 500]}]"#, "101", true), (#"[{"anything-but": [100, 500]}]"#, "500.0", false),
            ("[100]", "10000000000", false), (#"["100"]"#, "100", false),
        ]
    )
    func number(conditions: String, value: String, isTaken: Bool) throws {
        #expect(
            try matches(#"{"price": \#(conditions)}"#, [("price", "Number", value)]) == isTaken,
            "\(conditions) \(value)"
        )
    }

    @Test("want all of their keys and one of a key's conditions")
    func andOr() throws {
        let policy =
            #"{"store": ["example_corp"], "event": [{"anything-but": "order_cancelled"}], "price": [{"numeric": [">=", 100]}]}"#
        let message: [(name: ByteString, type: String, value: String)] = [
            ("store", "String", "example_corp"), ("event", "String", "order_placed"), ("price", "Number", "210.75"),
        ]
        #expect(try matches(policy, message))
        #expect(try !matches(policy, Array(message.dropLast())))
        #expect(try !matches(policy, message.dropLast() + [("price", "Number", "99")]))
        #expect(try matches("{}", []))
    }

    @Test("take alternatives with $or, and a key that is only called so")
    func alternatives() throws {
        let policy = #"{"source": ["aws.cloudwatch"], "$or": [{"metric": ["CPU"]}, {"space": ["EC2", "ES"]}]}"#
        #expect(try matches(policy, [("source", "String", "aws.cloudwatch"), ("space", "String", "ES")]))
        #expect(try matches(policy, [("source", "String", "aws.cloudwatch"), ("metric", "String", "CPU")]))
        #expect(try !matches(policy, [("source", "String", "aws.cloudwatch")]))
        #expect(try !matches(policy, [("source", "String", "x"), ("metric", "String", "CPU")]))
        #expect(try matches(#"{"$or": [{"prefix": "a"}, {"numeric": ["=", 1]}]}"#, [("$or", "String", "abc")]))
    }

    @Test("look at each element of a String.Array and at nothing binary")
    func arrays() throws {
        let interests = [
            (name: ByteString("interests"), type: "String.Array", value: #"["soccer", "rugby", 7, true, null]"#)
        ]
        #expect(try matches(#"{"interests": ["rugby"]}"#, interests))
        #expect(try matches(#"{"interests": [7]}"#, interests))
        #expect(try matches(#"{"interests": [true]}"#, interests))
        #expect(try !matches(#"{"interests": ["hockey"]}"#, interests))
        // One element that isn't listed is enough.
        #expect(try matches(#"{"interests": [{"anything-but": ["rugby", "tennis"]}]}"#, interests))
        let policy = try FilterPolicy(json: #"{"key": [{"exists": true}]}"#)
        let binary = MessageAttribute(name: "key", type: "Binary", value: .binary([1]))
        #expect(!policy.matches(body: "", attributes: [binary]))
    }

    @Test("tell whether a key is there")
    func exists() throws {
        #expect(try matches(#"{"store": [{"exists": true}]}"#, [("store", "String", "x")]))
        #expect(try !matches(#"{"store": [{"exists": true}]}"#, []))
        #expect(try matches(#"{"store": [{"exists": false}]}"#, []))
        #expect(try matches(#"{"store": ["a", {"exists": false}]}"#, [("other", "String", "x")]))
    }

    @Test("look into bodies, nested and in arrays")
    func bodies() throws {
        let body = """
            {"store": "example_corp", "event": {"kind": "placed", "prices": [12, 250]}, "gift": true, "note": null,
             "lines": [{"sku": "a", "count": 1}, {"sku": "b", "count": 2}]}
            """
        #expect(
            try matches(
                #"{"store": ["example_corp"], "event": {"kind": ["placed"], "prices": [{"numeric": [">", 200]}]}}"#,
                body: body
            )
        )
        #expect(try matches(#"{"gift": [true], "note": [null]}"#, body: body))
        #expect(try !matches(#"{"gift": ["true"]}"#, body: body))
        // Of an array's objects one must fit as a whole.
        #expect(try matches(#"{"lines": {"sku": ["b"], "count": [2]}}"#, body: body))
        #expect(try !matches(#"{"lines": {"sku": ["a"], "count": [2]}}"#, body: body))
        #expect(try matches(#"{"event": {"refund": [{"exists": false}]}}"#, body: body))
        #expect(try matches(#"{"missing": {"deep": [{"exists": false}]}}"#, body: body))
        #expect(try !matches(#"{"event": [{"exists": true}]}"#, body: body))
        #expect(try !matches(#"{"store": ["example_corp"]}"#, body: "no JSON"))
        #expect(try !matches(#"{}"#, body: "[]"))
    }

    @Test(
        "are refused with the reason",
        arguments: [
            ("[]", "isn't a JSON object"), (#"{"a": "b"}"#, "no array"), (#"{"a": []}"#, "has none"),
            (#"{"a": [{"nonsense": 1}]}"#, "unknown operator 'nonsense'"), (#"{"a": [["b"]]}"#, "array in its array"),
            (#"{"a": {"b": ["c"]}}"#, "aren't nested"), (#"{"a": [{"numeric": [">", 5, "<", 3]}]}"#, "numeric"),
            (#"{"a": [{"numeric": ["="]}]}"#, "numeric"), (#"{"a": [{"exists": "yes"}]}"#, "true or false"),
            (#"{"a": [{"wildcard": "a**b"}]}"#, "wildcard"), (#"{"a": [{"wildcard": "*a*b*c*"}]}"#, "wildcard"),
            (#"{"a": [{"cidr": "10.0.0.0/33"}]}"#, "no network"), (#"{"a": [1e12]}"#, "-10^9"),
            (#"{"a": [{"prefix": ""}]}"#, "isn't empty"), (#"{"a": [{"anything-but": [true]}]}"#, "texts and numbers"),
            (#"{"a": ["x"], "a": ["y"]}"#, "twice"),
            (#"{"a": ["x"], "b": ["x"], "c": ["x"], "d": ["x"], "e": ["x"], "f": ["x"]}"#, "6 keys"),
        ]
    )
    func refused(policy: String, reason: String) {
        #expect { try FilterPolicy(json: policy) } throws: { error in
            let error = error as? QueueError
            return error?.code == .invalidAttribute && error?.message.contains(reason) == true
        }
    }

    @Test("count combinations as the guide does")
    func combinations() throws {
        // 4 x 3 levels, 3 x 2 levels, 3 x 1 level: 216.
        let policy = """
            {"key_a": {"key_b": {"key_c": ["one", "two", "three", "four"]}}, "key_d": {"key_e": ["one", "two", "three"]},
             "key_f": ["one", "two", "three"]}
            """
        #expect { try FilterPolicy(json: policy, scope: .body) } throws: { "\($0)".contains("216 combinations") }
        let values = (0..<150).map { #""\#($0)""# }.joined(separator: ",")
        _ = try FilterPolicy(json: #"{"a": [\#(values)]}"#)
        #expect(throws: QueueError.self) { try FilterPolicy(json: #"{"a": [\#(values)], "b": [1, 2]}"#) }
    }

    @Test("never fail and never hang on random policies and messages")
    func random() {
        let pieces = [
            "{", "}", "[", "]", ":", ",", #""a""#, #""$or""#, #""prefix""#, #""numeric""#, #""exists""#, "1", "true",
            #""*a*""#,
            #""wildcard""#, #""anything-but""#, #""cidr""#, #""::1/0""#, #""=""#,
        ]
        for _ in 0..<3_000 {
            let text = "{" + (0..<Int.random(in: 0...20)).map { _ in pieces.randomElement() ?? "" }.joined() + "}"
            for scope in [FilterPolicy.Scope.attributes, .body] {
                guard let policy = try? FilterPolicy(json: text, scope: scope) else { continue }
                _ = policy.matches(
                    body: text,
                    attributes: [MessageAttribute(name: "a", type: "String", value: .string("1"))]
                )
            }
        }
    }
}

/// Goal: the delays of a delivery policy follow its phases, and what it may not be is refused.
@Suite("Delivery policies")
struct DeliveryPolicyTests {
    @Test("have AWS's defaults")
    func defaults() {
        #expect((1...4).map { DeliveryPolicy().delaySeconds(afterAttempt: $0) } == [20, 20, 20, nil])
    }

    @Test("go through four phases")
    func phases() throws {
        let policy = try DeliveryPolicy(
            subscriptionJSON: """
                {"healthyRetryPolicy": {"minDelayTarget": 1, "maxDelayTarget": 61, "numRetries": 10, "numNoDelayRetries": 2,
                 "numMinDelayRetries": 2, "numMaxDelayRetries": 2, "backoffFunction": "linear"}, "throttlePolicy": {"maxReceivesPerSecond": 5}}
                """
        )
        #expect((1...11).map { policy.delaySeconds(afterAttempt: $0) } == [0, 0, 1, 1, 16, 31, 46, 61, 61, 61, nil])
        #expect(policy.maxReceivesPerSecond == 5)
    }

    @Test("grow to the longest delay, whatever the function", arguments: DeliveryPolicy.BackoffFunction.allCases)
    func functions(function: DeliveryPolicy.BackoffFunction) throws {
        let policy = try DeliveryPolicy(
            subscriptionJSON: """
                {"healthyRetryPolicy": {"minDelayTarget": 5, "maxDelayTarget": 320, "numRetries": 8, "backoffFunction": "\(function.rawValue)"}}
                """
        )
        let delays = (1...8).compactMap { policy.delaySeconds(afterAttempt: $0) }
        #expect(delays.count == 8 && delays == delays.sorted() && delays.last == 320 && delays[0] >= 5, "\(delays)")
        #expect(policy.delaySeconds(afterAttempt: 9) == nil)
    }

    @Test("read a topic's form")
    func ofTopic() throws {
        let policy = try DeliveryPolicy(
            topicJSON: """
                {"http": {"defaultHealthyRetryPolicy": {"numRetries": 1, "minDelayTarget": 2, "maxDelayTarget": 2},
                 "disableSubscriptionOverrides": true}}
                """
        )
        #expect(policy.disablesSubscriptionOverrides && policy.delaySeconds(afterAttempt: 1) == 2)
    }

    @Test(
        "are refused",
        arguments: [
            "[]", #"{"unknown": 1}"#, #"{"healthyRetryPolicy": {"numRetries": 101}}"#,
            #"{"healthyRetryPolicy": {"minDelayTarget": 30, "maxDelayTarget": 20}}"#,
            #"{"healthyRetryPolicy": {"numRetries": 2, "numNoDelayRetries": 3}}"#,
            #"{"healthyRetryPolicy": {"numRetries": 100, "minDelayTarget": 60, "maxDelayTarget": 60}}"#,
            #"{"healthyRetryPolicy": {"backoffFunction": "cubic"}}"#,
            #"{"throttlePolicy": {"maxReceivesPerSecond": 0}}"#,
        ]
    )
    func refused(json: String) {
        #expect(throws: QueueError.self) { try DeliveryPolicy(subscriptionJSON: json) }
    }
}
