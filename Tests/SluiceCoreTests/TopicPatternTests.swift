import SluiceCore
import Testing

@Suite struct TopicPatternTests {
    @Test(
        "a pattern matches the topics that MQTT 3.1.1, section 4.7 says",
        arguments: [
            ("#", "anything/at/all", true), ("orders/#", "orders/42", true), ("orders/#", "orders/42/items", true),
            ("orders/#", "orders", true), ("orders/#", "ordersX", false), ("orders/+", "orders/42", true),
            ("orders/+", "orders/42/items", false), ("orders/+", "orders", false), ("+/42", "orders/42", true),
            ("+/+/c", "a/b/c", true), ("orders/42", "orders/42", true), ("orders/42", "orders/43", false),
            ("orders", "orders/42", false), ("+", "a", true), ("+", "/a", false), ("+/a", "/a", true),
            ("a/+/#", "a/b", true),
            ("a/+/#", "a", false),
            // Bytes, not what looks alike: KELVIN SIGN, one scalar or two, a mark behind a slash.
            ("users/\u{212A}ate/#", "users/Kate/inbox", false), ("users/jose\u{301}/#", "users/jos\u{E9}/inbox", false),
            ("rooms/+", "rooms/1/\u{301}x", false), ("rooms/+", "rooms/1/\u{20E3}", false),
            ("rooms/1/#", "rooms/1/\u{301}x", true), ("rooms/1/\u{301}x", "rooms/1/\u{301}x", true), ("/#", "/a", true),
            ("+/#", "a", true), ("a//+", "a//b", true), ("a/", "a/", true), ("a/", "a", false),
        ]
    )
    func matching(pattern: String, topic: String, matches: Bool) throws {
        #expect(try TopicPattern(pattern).matches(Topic(topic)) == matches)
    }

    @Test(
        "a wildcard that doesn't fill its level, and what stands for no text, is refused",
        arguments: ["", "a+", "a/#/b", "#a", "a/b#", "++", "u/\u{FFFD}/#"]
    )
    func invalid(pattern: String) {
        #expect(throws: TopicError.self) { try TopicPattern(pattern) }
    }

    @Test("the pattern of everything matches every topic")
    func everything() throws {
        #expect(TopicPattern.everything.matches(try Topic("a/b/c")))
    }
}
