import Foundation

/// Figures for programs.
enum JSONOutput {
    static func write(_ figures: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try FileHandle.standardOutput.write(contentsOf: encoder.encode(figures) + Data("\n".utf8))
    }
}
