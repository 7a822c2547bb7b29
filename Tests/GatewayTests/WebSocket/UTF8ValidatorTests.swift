import Testing

@testable import Gateway

@Suite("UTF8Validator")
struct UTF8ValidatorTests {
    private static let sound = [
        "", "ascii only, longer than eight bytes", "κόσμε", "häß", "日本語テキスト", "😀🏳️‍🌈", "\u{10FFFF}\u{FFFD}\u{7FF}\u{800}",
    ]
    private static let faulty: [[UInt8]] = [
        [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xE0, 0x9F, 0xBF], [0xED, 0xA0, 0x80], [0xF0, 0x8F, 0xBF, 0xBF],
        [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFE], [0xFF], [0xC3, 0x28], [0xE2, 0x28, 0xA1],
    ]

    @Test("takes UTF-8 at every split", arguments: sound)
    func takesSound(text: String) {
        let bytes = Array(text.utf8)
        for split in 0...bytes.count {
            var validator = UTF8Validator()
            #expect(bytes[..<split].withUnsafeBytes { validator.append($0) })
            #expect(bytes[split...].withUnsafeBytes { validator.append($0) })
            #expect(validator.isComplete)
        }
    }

    @Test("refuses what can't become UTF-8, byte by byte at the first faulty one", arguments: faulty)
    func refusesFaulty(bytes: [UInt8]) {
        var whole = UTF8Validator()
        #expect(!bytes.withUnsafeBytes { whole.append($0) })
        var prefixed = UTF8Validator()
        #expect(!(Array("twelve bytes".utf8) + bytes).withUnsafeBytes { prefixed.append($0) })
        var single = UTF8Validator()
        let refusals = bytes.map { byte in [byte].withUnsafeBytes { single.append($0) } }
        #expect(refusals.contains(false))
    }

    @Test("knows that a character isn't complete")
    func knowsIncomplete() {
        for cut in 1..<4 {
            var validator = UTF8Validator()
            #expect(Array("😀".utf8).prefix(cut).withUnsafeBytes { validator.append($0) })
            #expect(!validator.isComplete)
        }
    }

    @Test("agrees with the standard library on every pair and many triples of bytes")
    func agrees() {
        for first in UInt8.min...UInt8.max {
            for second in UInt8.min...UInt8.max {
                for tail in [[], [0x80], [0xBF, 0xBF]] as [[UInt8]] {
                    let bytes = [first, second] + tail
                    var validator = UTF8Validator()
                    let isSound = bytes.withUnsafeBytes { validator.append($0) } && validator.isComplete
                    #expect(isSound == (String(validating: bytes, as: UTF8.self) != nil), "\(bytes)")
                }
            }
        }
    }
}
