import Testing

@testable import sluice

@Suite("UpState")
struct UpStateTests {
    @Test("the address is announced when both processes are up, in any order")
    func announces() {
        var state = UpState()
        #expect(state.handle(.listening(.publisher, address: "http://p")) == [])
        #expect(state.handle(.listening(.gateway, address: "http://g")) == [.announce(gateway: "http://g")])
    }

    @Test("a signal drains both, and the exit code is 0 when both drain well")
    func drains() {
        var state = UpState()
        #expect(state.handle(.signal) == [.stop(.gateway), .stop(.publisher)])
        #expect(state.handle(.ended(.gateway, code: 0)) == [])
        #expect(state.handle(.ended(.publisher, code: 0)) == [.finish(code: 0)])
    }

    @Test("a second signal is passed on to what still runs")
    func secondSignal() {
        var state = UpState()
        _ = state.handle(.signal)
        _ = state.handle(.ended(.gateway, code: 0))
        #expect(state.handle(.signal) == [.stop(.publisher)])
    }

    @Test("when one process ends by itself the other is drained and its exit code is kept")
    func oneDies() {
        var state = UpState()
        #expect(state.handle(.ended(.publisher, code: 73)) == [.report(.publisher, code: 73), .stop(.gateway)])
        #expect(state.handle(.ended(.gateway, code: 0)) == [.finish(code: 73)])
    }

    @Test("a process that ends by itself with 0 is a fault too")
    func endsQuietly() {
        var state = UpState()
        _ = state.handle(.ended(.gateway, code: 0))
        #expect(state.handle(.ended(.publisher, code: 0)) == [.finish(code: 70)])
    }

    @Test("a process that fails while draining gives its exit code")
    func failsWhileDraining() {
        var state = UpState()
        _ = state.handle(.signal)
        _ = state.handle(.ended(.gateway, code: 137))
        #expect(state.handle(.ended(.publisher, code: 0)) == [.finish(code: 137)])
    }

    @Test("nothing is announced once the processes are stopping")
    func tooLate() {
        var state = UpState()
        _ = state.handle(.listening(.publisher, address: "http://p"))
        _ = state.handle(.signal)
        #expect(state.handle(.listening(.gateway, address: "http://g")) == [])
    }
}
