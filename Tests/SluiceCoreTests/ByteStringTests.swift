import SluiceCore
import TestSupport
import Testing

/// Goal: text from outside is what its bytes are, whatever Unicode makes of it, and costs no more than its length.
/// Method: random texts of what Swift takes for equal or joins into one character, against a model of byte arrays.
@Suite("ByteString")
struct ByteStringTests {
    /// Look-alikes, case folds, compatibility characters, marks that join what stands before them, and what has a meaning in topics.
    private static let pieces = [
        "a", "K", "k", "\u{212A}", "\u{E9}", "e\u{301}", "e", "\u{301}", "\u{316}", "\u{20E3}", "/", "/", "/\u{301}",
        "\u{37E}",
        ";", "\u{1FEF}", "`", "\u{FB01}", "fi", "\u{AC00}", "\u{1100}\u{1161}", "\u{DF}", "ss", "\u{130}", "i\u{307}",
        "\r\n", "\r",
        "\u{200D}", "\u{1F1E6}", "\u{2126}", "\u{3A9}", "\u{0}", "-", "",
    ]

    private static func text(_ random: inout SeededGenerator, _ pieces: [String] = ByteStringTests.pieces) -> String {
        (0..<Int.random(in: 0...4, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
    }

    private static func generator(_ name: String) -> SeededGenerator {
        let seed = UInt64.random(in: .min ... .max)
        print("ByteStringTests.\(name) seed \(seed)")
        return SeededGenerator(seed: seed)
    }

    @Test("comparing, hashing, ordering and splitting are those of the bytes")
    func comparesAsBytes() {
        var random = ByteStringTests.generator("comparesAsBytes")
        for _ in 0..<20_000 {
            let (left, right) = (ByteStringTests.text(&random), ByteStringTests.text(&random))
            let (leftBytes, rightBytes) = (Array(left.utf8), Array(right.utf8))
            let isSame = leftBytes == rightBytes
            #expect((ByteString(left) == ByteString(right)) == isSame)
            #expect((ByteString(left) < ByteString(right)) == leftBytes.lexicographicallyPrecedes(rightBytes))
            #expect(ByteString(left).hasPrefix(ByteString(right)) == leftBytes.starts(with: rightBytes))
            // Of equal bytes the hash is the same; of others that Swift takes for equal, it is another (but for one case in 2^64).
            #expect((ByteString(left).hashValue == ByteString(right).hashValue) == isSame)
            let parts = leftBytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map {
                Array($0)
            }
            #expect(ByteString(left).split(separator: "/").map { Array($0.utf8) } == parts)
            let lower = leftBytes.map { (0x41...0x5A).contains($0) ? $0 + 0x20 : $0 }
            let otherLower = rightBytes.map { (0x41...0x5A).contains($0) ? $0 + 0x20 : $0 }
            #expect(ByteString(left).equalsIgnoringASCIICase(ByteString(right)) == (lower == otherLower))
            #expect(Array(ByteString(left).lowercasedASCII.utf8) == lower)
        }
    }

    /// The levels of a pattern against those of a topic, as MQTT 3.1.1, section 4.7.1, says it.
    private static func matches(_ pattern: [[UInt8]], _ topic: [[UInt8]]) -> Bool {
        guard let level = pattern.first else { return topic.isEmpty }
        if level == Array("#".utf8) { return true }
        guard let name = topic.first else { return false }
        guard level == Array("+".utf8) || level == name else { return false }
        if topic.count == 1, pattern.count == 2, pattern[1] == Array("#".utf8) { return true }
        return matches(Array(pattern.dropFirst()), Array(topic.dropFirst()))
    }

    @Test("a pattern matches what its bytes say, level by level")
    func matchesAsBytes() throws {
        var random = ByteStringTests.generator("matchesAsBytes")
        let allowed = ByteStringTests.pieces.filter { $0.unicodeScalars.allSatisfy { $0.value >= 0x20 } }
        let long = String(repeating: "x", count: 40)
        var matching = 0
        for _ in 0..<20_000 {
            let names = (0...Int.random(in: 0...3, using: &random)).map { _ in
                ByteStringTests.text(&random, allowed + [long, long + "/"])
            }
            var levels = names.joined(separator: "/").utf8.split(
                separator: UInt8(ascii: "/"),
                omittingEmptySubsequences: false
            )
            .map { String(decoding: $0, as: UTF8.self) }
            guard let topic = try? Topic(levels.joined(separator: "/")) else { continue }
            for index in levels.indices {
                switch Int.random(in: 0..<6, using: &random) {
                case 0, 1: levels[index] = "+"
                case 2: levels[index] = ByteStringTests.text(&random, allowed.filter { !$0.contains("/") })
                default: break
                }
            }
            if Bool.random(using: &random) { levels.removeLast() }
            if Bool.random(using: &random) { levels.append("#") }
            guard let pattern = try? TopicPattern(levels.joined(separator: "/")) else { continue }
            let split = { (text: String) in
                text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map { Array($0) }
            }
            let expected = ByteStringTests.matches(split(pattern.text), split(topic.name))
            #expect(
                pattern.matches(topic) == expected,
                "\(pattern.text.debugDescription) \(topic.name.debugDescription)"
            )
            if expected { matching += 1 }
        }
        #expect(matching > 100)
    }

    @Test("members and patches go by the bytes of the keys, escaped or not")
    func keysAsBytes() throws {
        var random = ByteStringTests.generator("keysAsBytes")
        func written(_ key: String) -> String {
            var bytes: [UInt8] = []
            JSONText.appendString(key, to: &bytes)
            guard Bool.random(using: &random) else { return String(decoding: bytes, as: UTF8.self) }
            let units = key.utf16.map { unit in
                let digits = String(unit, radix: 16)
                return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            }
            return "\"" + units.joined() + "\""
        }
        for _ in 0..<3_000 {
            let members = (0..<Int.random(in: 0...5, using: &random)).map { (ByteStringTests.text(&random), $0) }
            let changes = (0..<Int.random(in: 0...3, using: &random)).map { (ByteStringTests.text(&random), $0 + 100) }
            func object(_ members: [(String, Int)]) -> [UInt8] {
                Array(("{" + members.map { "\(written($0.0)):\($0.1)" }.joined(separator: " , ") + "}").utf8)
            }
            var model: [[UInt8]: Int] = [:]
            for (key, value) in members { model[Array(key.utf8)] = value }
            let target = try JSONValue(object(members))
            let probe = ByteStringTests.text(&random)
            let names = [ByteString(probe)] + members.map { ByteString($0.0) }
            for name in names {
                #expect(target[name]?.unsignedInteger == model[Array(name.utf8)].map { UInt64($0) })
            }
            #expect(
                try target.members(named: [ByteString(probe)])?[0]?.unsignedInteger
                    == model[Array(probe.utf8)].map { UInt64($0) }
            )
            for (key, value) in changes { model[Array(key.utf8)] = value }
            let patched = try JSONValue(try JSONMergePatch(object(changes)).applied(to: target))
            var result: [[UInt8]: Int] = [:]
            for member in try #require(patched.members) {
                result[Array(member.key.utf8)] = member.value.unsignedInteger.map { Int($0) }
            }
            #expect(result == model)
        }
    }

    @Test("a run of marks costs its length: twice as many take no more than about twice as long")
    func costsItsLength() throws {
        func seconds(_ marks: Int) throws -> Double {
            let text = "a" + String(repeating: "\u{301}\u{316}", count: marks)
            let json = Array("{\"\(text)\":1,\"b\":2}".utf8)
            let clock = ContinuousClock()
            return try (0..<5).map { _ in
                try clock.measure {
                    #expect(ByteString(text) == ByteString(text + ""))
                    #expect(Set([ByteString(text), ByteString(text)]).count == 1)
                    #expect(try JSONValue(json)["b"]?.unsignedInteger == 2)
                    _ = try JSONMergePatch(Array(#"{"b":3}"#.utf8)).applied(to: try JSONValue(json))
                } / .seconds(1)
            }.min() ?? 0
        }
        _ = try seconds(1_000)
        let (one, eight) = (try seconds(20_000), try seconds(160_000))
        // Quadratic would be 64 times as long.
        #expect(eight < one * 24, "\(one) s, and for eight times the text \(eight) s")
    }
}
