import SluiceCore
import TestSupport
import Testing

@testable import sluice

@Suite("Lines of standard input")
struct InputLinesTests {
    @Test("lines are the same however they come")
    func anyChunks() {
        let seed = SeededGenerator.printedSeed()
        var random = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            var lines: [[UInt8]] = []
            var bytes: [UInt8] = []
            for _ in 0..<Int.random(in: 1...20, using: &random) {
                let count = Int.random(in: 0...30, using: &random)
                let line = (0..<count).map { _ in UInt8.random(in: 11...255, using: &random) }
                lines.append(line)
                bytes += line
                bytes.append(10)
            }
            var input = InputLines(maximumLineBytes: 40)
            var found: [[UInt8]] = []
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = Int.random(in: 1...25, using: &random)
                found += input.take(Array(rest.prefix(count)))
                rest = rest.dropFirst(count)
            }
            #expect(found == lines, "\(seed)")
        }
    }

    @Test("of a line that is too long one byte more is kept, so that it is known as such")
    func tooLong() {
        var input = InputLines(maximumLineBytes: 4)
        #expect(input.take(Array("123456789".utf8)).isEmpty)
        #expect(input.take(Array("0\nab\n".utf8)) == [Array("12345".utf8), Array("ab".utf8)])
    }

    @Test("pairs end their name at the first equals sign, and seconds may have a unit")
    func arguments() {
        let pair = NamedValue(argument: "a=b=c")
        #expect(pair?.name == "a" && pair?.value == "b=c" && NamedValue(argument: "a=")?.value == "")
        #expect(NamedValue(argument: "=a") == nil && NamedValue(argument: "a") == nil)
        #expect(WholeSeconds(argument: "90")?.count == 90 && WholeSeconds(argument: "2m")?.count == 120)
        for text in ["-1", "1.5", "500ms", "x", "", "99999999999999999999"] {
            #expect(WholeSeconds(argument: text) == nil, "\(text)")
        }
    }
}
