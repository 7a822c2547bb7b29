import Foundation
import Gateway
import TestSupport
import Testing

@testable import sluice

@Suite("Settings")
struct SettingsTests {
    private func setting(_ name: String) throws -> Setting { try #require(Setting.all.first { $0.name == name }) }

    @Test("a flag wins over a variable, a variable over the file, the file over the default")
    func precedence() async throws {
        let file = try ScratchFile(#"{"port":1,"host":"file","name":"file"}"#)
        let environment = ["SLUICE_PORT": "2", "SLUICE_HOST": "variable", "SLUICE_CONFIG": file.path]
        let settings = try await Settings(flags: ["port": "3"], file: nil, environment: environment)
        #expect(settings[try setting("port")] == .number(3))
        #expect(settings.source(of: try setting("port")) == .flag)
        #expect(settings[try setting("host")] == .text("variable"))
        #expect(settings.source(of: try setting("host")) == .environment)
        #expect(settings[try setting("name")] == .text("file"))
        #expect(settings.source(of: try setting("name")) == .file)
        #expect(settings[try setting("workers")] == .number(4))
        #expect(settings.source(of: try setting("workers")) == nil)
    }

    @Test("every setting can come from its variable and from its member of the file")
    func everySource() async throws {
        for setting in Setting.all {
            let (text, json) = sample(setting)
            let fromVariable = try await Settings(
                flags: [:],
                file: nil,
                environment: [setting.environmentVariable: text]
            )
            let file = try ScratchFile(#"{"\#(setting.key)":\#(json)}"#)
            let fromFile = try await Settings(flags: [:], file: file.path, environment: [:])
            #expect(fromVariable[setting] == (try SettingValue(text, setting.kind)), "\(setting.name)")
            #expect(fromFile[setting] == fromVariable[setting], "\(setting.name)")
            #expect(
                fromVariable.source(of: setting) == .environment && fromFile.source(of: setting) == .file,
                "\(setting.name)"
            )
        }
    }

    @Test("a faulty value is refused with the name under which it was given")
    func faulty() async throws {
        let file = try ScratchFile(#"{"drainWindow":"5 seconds"}"#)
        let mistyped = try ScratchFile(#"{"port":"8080"}"#)
        for (flags, environment, path, status, name) in [
            (["port": "70000"], [:], nil, CommandStatus.usage, "--port"),
            (["queue": "orders:kafka"], [:], nil, .usage, "--queue"),
            ([:], ["SLUICE_PORT": "http"], nil, .configuration, "SLUICE_PORT"),
            ([:], ["SLUICE_ECHO": "perhaps"], nil, .configuration, "SLUICE_ECHO"),
            ([:], [:], file.path, .configuration, "drainWindow"),
            ([:], [:], mistyped.path, .configuration, "port"),
        ] as [([String: String], [String: String], String?, CommandStatus, String)] {
            let error = await #expect(throws: CommandError.self) {
                try await Settings(flags: flags, file: path, environment: environment)
            }
            #expect(error?.status == status)
            #expect(error?.description.hasPrefix(name) == true, "\(error?.description ?? "")")
        }
    }

    @Test(
        "a configuration file that can't be used is refused with the reason",
        arguments: [
            ("{", "is not JSON"), ("[]", "is not a JSON object"), (#"{"prot":1}"#, "'prot', which is no setting"),
            (#"{"drain-window":"5s"}"#, "did you mean drainWindow"),
        ]
    )
    func faultyFile(content: String, reason: String) async throws {
        let file = try ScratchFile(content)
        let error = await #expect(throws: CommandError.self) {
            try await Settings(flags: [:], file: file.path, environment: [:])
        }
        #expect(error?.status == .configuration)
        #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
    }

    @Test("a configuration file that isn't there is refused")
    func missingFile() async throws {
        let error = await #expect(throws: CommandError.self) {
            try await Settings(flags: [:], file: "/nonexistent/sluice.json", environment: [:])
        }
        #expect(error?.description.contains("No such file") == true)
    }

    @Test("a variable that is no setting is noticed")
    func unknownVariable() async throws {
        let settings = try await Settings(
            flags: [:],
            file: nil,
            environment: ["SLUICE_PROT": "1", "SLUICE_PORT": "1", "HOME": "/"]
        )
        #expect(settings.unknownVariables == ["SLUICE_PROT"])
    }

    @Test("a profile of limits gives what isn't set, and nothing that is")
    func limitProfile() async throws {
        let settings = try await Settings(
            flags: ["limits": "public", "principal-connections": "0", "address-connects-per-second": "7:9"],
            file: nil,
            environment: ["SLUICE_ADDRESS_CONNECTIONS": "3"]
        )
        let limits = try GatewayConfiguration(settings).limits
        #expect(limits.addressConnections == 3)
        #expect(limits.principalConnections == 0)
        #expect(limits.addressConnects == RateLimit(perSecond: 7, burst: 9))
        #expect(limits.principalPublishes == RateLimit(perSecond: 50, burst: 500))
    }

    @Test("a rate that is none is refused", arguments: ["x", "-1", "1:0", "1:2:3", "1:", ""])
    func badRate(_ text: String) async throws {
        await #expect(throws: CommandError.self) {
            try await Settings(flags: ["connects-per-second": text], file: nil, environment: [:])
        }
    }

    @Test("allow-all counts as chosen only when it was given")
    func allowAll() async throws {
        let untouched = try await Settings(flags: [:], file: nil, environment: [:])
        let chosen = try await Settings(flags: [:], file: nil, environment: ["SLUICE_AUTHORIZER": "allow-all"])
        #expect(try !GatewayConfiguration(untouched).isAllowAllChosen)
        #expect(try GatewayConfiguration(chosen).isAllowAllChosen)
    }

    private func sample(_ setting: Setting) -> (text: String, json: String) {
        switch setting.kind {
        case .text: ("some text", #""some text""#)
        case .number(let range): ("\(range.upperBound)", "\(range.upperBound)")
        case .onOff: ("true", "true")
        case .duration(let range): (DurationText.text(range.upperBound), "\"\(DurationText.text(range.upperBound))\"")
        case .bytes(let range): (ByteCount.text(range.upperBound), "\"\(ByteCount.text(range.upperBound))\"")
        case .choice(let names): (names[names.count - 1], "\"\(names[names.count - 1])\"")
        case .queue: ("orders:stream", #""orders:stream""#)
        case .queueName: ("orders", #""orders""#)
        case .list: ("a,b", #"["a","b"]"#)
        case .rate: ("100:500", #""100:500""#)
        case .byteRate: ("64KiB:1MiB", #""64KiB:1MiB""#)
        }
    }
}
