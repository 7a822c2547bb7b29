import ArgumentParser
import Foundation
import Gateway
import Publisher
import Testing

@testable import sluice

@Suite("Setting")
struct SettingTests {
    @Test("flag, variable and member of the file follow from one name")
    func names() throws {
        let drainWindow = try #require(Setting.all.first { $0.name == "drain-window" })
        #expect(drainWindow.flag == "--drain-window")
        #expect(drainWindow.environmentVariable == "SLUICE_DRAIN_WINDOW")
        #expect(drainWindow.key == "drainWindow")
        #expect(Setting.data.environmentVariable == "SLUICE_DATA")
    }

    @Test("no name is used twice")
    func unique() {
        #expect(Set(Setting.all.map(\.name)).count == Setting.all.count)
    }

    @Test("every setting is a flag of the processes that it is for, and of no other")
    func flags() throws {
        let common = try CommonOptions.parse([])
        let gateway: [any SettingOptions] = [common] + (try GatewayFlags.parse([]).groups)
        let publisher: [any SettingOptions] = [
            common, try StorageOptions.parse([]), try LinkAuthorityOptions.parse([]), try PublisherOptions.parse([]),
        ]
        for (part, options) in [(Setting.Part.gateway, gateway), (.publisher, publisher)] {
            let flags = options.flatMap(\.given).map(\.setting.name).sorted()
            #expect(flags == Setting.all.filter { $0.parts.contains(part) }.map(\.name).sorted())
        }
    }

    @Test("every flag reaches its own setting")
    func reach() throws {
        for group in Setting.groups {
            for setting in try group.parse([]).given.map(\.setting) {
                let isOnOff = if case .onOff = setting.kind { true } else { false }
                let given = try group.parse(isOnOff ? [setting.flag] : [setting.flag, "value"]).given.filter {
                    $0.text != nil
                }
                #expect(given.map(\.setting.name) == [setting.name])
            }
        }
    }

    @Test("the table's defaults are valid and are those of the libraries")
    func defaults() async throws {
        let settings = try await Settings(flags: [:], file: nil, environment: [:])
        #expect("\(try GatewayConfiguration(settings))" == "\(GatewayConfiguration())")
        #expect(
            "\(try PublisherConfiguration(settings))" == "\(PublisherConfiguration(dataDirectory: "./sluice-data"))"
        )
        #expect("\(try AuthorizerConfiguration(settings))" == "\(AuthorizerConfiguration())")
    }

    @Test("docs/operations.md shows the table as it is")
    func documentation() throws {
        let document = try repositoryFile("docs/operations.md")
        let rows = Setting.all.map { setting in
            let parts = Setting.Part.allCases.filter(setting.parts.contains).map(\.rawValue).joined(separator: ", ")
            return "| `\(setting.flag)` | `\(setting.environmentVariable)` | `\(setting.key)` | \(setting.form) | "
                + "\(setting.fallback.map { "`\($0)`" } ?? "–") | \(parts) | \(setting.meaning) |"
        }
        for row in rows where !document.contains(row) { Issue.record("docs/operations.md lacks the row \(row)") }
        let documented = document.split(separator: "\n").filter { $0.hasPrefix("| `--") }
        #expect(documented.count == rows.count)
    }

    @Test(
        "the profiles of limits are valid, and docs/operations.md shows their values",
        arguments: LimitProfile.allCases
    )
    func profiles(_ profile: LimitProfile) async throws {
        let settings = try await Settings(flags: ["limits": profile.rawValue], file: nil, environment: [:])
        _ = try GatewayConfiguration(settings)
        let lines = try repositoryFile("docs/operations.md").split(separator: "\n").map(String.init)
        for (name, value) in profile.values {
            let row = lines.first { $0.contains("`--\(name)`") && !$0.hasPrefix("| `--") } ?? ""
            #expect(row.replacing(" ", with: "").contains(value), "\(name) is \(value)")
        }
    }

    @Test("docs/operations.md lists every exit code")
    func exitCodes() throws {
        let document = try repositoryFile("docs/operations.md")
        for status in CommandStatus.allCases {
            #expect(document.contains("| \(status.rawValue) |"), "exit code \(status.rawValue)")
        }
    }

    private func repositoryFile(_ path: String) throws -> String {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
    }
}
