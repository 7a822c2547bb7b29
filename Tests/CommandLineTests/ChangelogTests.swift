import ArgumentParser
import Foundation
import Testing

@testable import sluice

@Suite("CHANGELOG.md")
struct ChangelogTests {
    @Test("its newest version is the one that sluice --version prints")
    func version() throws {
        let file = URL(filePath: #filePath).appending(path: "../../../CHANGELOG.md").standardized
        let text = try String(contentsOf: file, encoding: .utf8)
        let newest = text.split(separator: "\n").first { $0.hasPrefix("## [") }
        let version = newest?.dropFirst("## [".count).prefix { $0 != "]" }
        #expect(version.map(String.init) == SluiceCommand.configuration.version)
    }
}
