import ArgumentParser
import SluiceCore
import TestSupport
import Testing

@testable import sluice

@Suite("BenchPlan")
struct BenchPlanTests {
    @Test("the defaults do no harm: 100 WebSockets, 10 topics of their own, 50 publishes a second, 10 s")
    func defaults() throws {
        let plan = try BenchOptions.parse([]).plan()
        #expect(plan.target.address == "http://127.0.0.1:8080")
        #expect(plan.connections == 100 && plan.topics.count == 10 && plan.seconds == 10 && plan.payloadBytes == 200)
        #expect(plan.pacing == .rate(50))
        #expect(plan.topics.allSatisfy { $0.name.hasPrefix("bench/\(plan.run)/") })
        #expect(plan.token == nil)
        #expect(try BenchOptions.parse([]).plan().run != plan.run)
    }

    @Test("receivers are spread over the topics one after the other")
    func spread() throws {
        let plan = try BenchPlan(target: BenchTarget("http://h:1"), connections: 7, topics: 3)
        #expect((0..<7).map(plan.topic) == [0, 1, 2, 0, 1, 2, 0])
        #expect((0..<7).map(plan.place) == [0, 0, 0, 1, 1, 1, 2])
        #expect(plan.receiversOfTopic == 3)
    }

    @Test(
        "what can't be is refused with the flag and its value",
        arguments: [
            (["--connections", "0"], "--connections 0"), (["--connections", "25001"], "--connections 25001"),
            (["--topics", "0"], "--topics 0"), (["--topics", "101"], "--topics 101"), (["--rate", "0"], "--rate 0"),
            (["--rate", "nan"], "--rate nan"), (["--rate", "1e9"], "--rate 1"),
            (["--in-flight", "1001"], "--in-flight 1001"),
            (["--rate", "1", "--in-flight", "1"], "--rate and --in-flight"), (["--seconds", "0"], "--seconds 0"),
            (["--seconds", "inf"], "--seconds inf"), (["--warm-up", "4000"], "--warm-up 4000"),
            (["--payload-bytes", "99"], "--payload-bytes 99"), (["--payload-bytes", "much"], "--payload-bytes 'much'"),
            (["--topic-prefix", "a/#"], "--topic-prefix"), (["--url", "https://h"], "--url 'https://h'"),
            (["--token", "a b"], "token"), (["--token", ""], "token"),
            (["--token", "a", "--token-file", "b"], "--token and --token-file"),
        ]
    )
    func refuses(arguments: [String], names: String) throws {
        let options = try BenchOptions.parse(arguments)
        let error = #expect(throws: CommandError.self) { try options.plan() }
        #expect(error?.status == .usage)
        #expect(error?.description.contains(names) == true, "\(error?.description ?? "")")
    }

    @Test("a token file that isn't there is refused")
    func tokenFile() throws {
        let options = try BenchOptions.parse(["--token-file", "/nonexistent"])
        let error = #expect(throws: CommandError.self) { try options.plan() }
        #expect(error?.status == .noInput)
    }

    @Test("a token file is read without the line's end")
    func readsTokenFile() throws {
        let file = try ScratchFile("abc.def\n")
        #expect(try BenchOptions.parse(["--token-file", file.path]).plan().token == "abc.def")
    }

    @Test(
        "an address is scheme, host and port",
        arguments: [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"), ("http://gateway", "http://gateway:80"),
            ("ws://gateway:90/", "http://gateway:90"), ("HTTP://[::1]:8080", "http://[::1]:8080"),
        ]
    )
    func addresses(url: String, address: String) throws {
        #expect(try BenchTarget(url).address == address)
    }

    @Test(
        "another address is refused",
        arguments: [
            "", "gateway:8080", "ftp://h", "http://", "http://h/path", "http://h?a=b", "http://u@h", "http://h:0",
            "http://h:70000", "https://h", "http://h:x",
        ]
    )
    func faultyAddresses(url: String) {
        let error = #expect(throws: CommandError.self) { try BenchTarget(url) }
        #expect(error?.status == .usage)
    }

    @Test("a publisher's address is checked like the gateway's, under its own flag")
    func publishers() throws {
        let options = try BenchOptions.parse(["--publisher-url", "http://h:1/", "--publisher-url", "http://h:2"])
        #expect(try options.publisherAddresses() == ["http://h:1", "http://h:2"])
        let faulty = try BenchOptions.parse(["--publisher-url", "h"])
        let error = #expect(throws: CommandError.self) { try faulty.publisherAddresses() }
        #expect(error?.description.hasPrefix("--publisher-url 'h'") == true)
    }

    @Test("a topic in a path keeps its slashes and encodes what isn't plain")
    func path() {
        #expect(BenchPath.encoded("a/B-1_~.é &") == "a/B-1_~.%C3%A9%20%26")
    }
}
