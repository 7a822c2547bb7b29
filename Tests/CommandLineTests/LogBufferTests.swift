import Testing

@testable import sluice

@Suite("LogBuffer")
struct LogBufferTests {
    @Test("keeps so many bytes, counts what finds no room, and says so in front of the next line")
    func leftOut() {
        var buffer = LogBuffer(maximumBytes: 10)
        func add(_ line: String) -> Bool { buffer.add(line) { "(\($0))" } }
        #expect(add("12345\n"))
        #expect(!add("1234"))
        #expect(!add("5"))
        #expect(!add("67"))
        #expect(buffer.next() == "12345\n1234")
        #expect(!add("8\n"))
        #expect(buffer.next() == "(2)8\n")
        #expect(buffer.next() == nil)
        #expect(add("9\n"))
    }
}
