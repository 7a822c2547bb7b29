import Testing

@testable import sluice

@Suite("BenchStart")
struct BenchStartTests {
    @Test("never more are being opened than the window, and each one once")
    func window() {
        var start = BenchStart(connections: 200)
        start.began(now: 100)
        var opened = Array(start.next())
        #expect(opened.count == BenchStart.window)
        #expect(start.next() == 64..<64)
        for index in 0..<199 {
            #expect(start.subscribed(index, after: UInt64(index), now: 200) == false)
            opened += start.next()
            #expect(opened.count <= index + 1 + BenchStart.window)
        }
        #expect(opened == Array(0..<200))
        #expect(start.subscribed(199, after: 199, now: 300) == true)
        #expect(start.elapsedNanoseconds == 200)
        #expect(start.heads == (0..<200).map(UInt64.init))
    }

    @Test("a second reply to the same one counts once")
    func twice() {
        var start = BenchStart(connections: 2)
        #expect(start.subscribed(0, after: 1, now: 1) == false)
        #expect(start.subscribed(0, after: 2, now: 1) == false)
        #expect(start.subscribedCount == 1)
        #expect(start.heads == [1, 0])
    }

    @Test("a set of receivers loses each one once", arguments: [0, 1, 63, 64, 65, 200])
    func set(count: Int) {
        var set = ReceiverSet(first: count)
        #expect(set.count == count)
        for place in 0..<count {
            let isFirst = set.remove(place)
            let isSecond = set.remove(place)
            #expect(isFirst && !isSecond)
        }
        let isBeyond = set.remove(count)
        #expect(!isBeyond && set.count == 0)
    }

    @Test("own CPU is that between begin and end of what is measured")
    func usage() {
        var usage = BenchUsage()
        usage.look(now: 1, measuredFrom: 10, end: 100, processorSeconds: 50)
        usage.look(now: 1_000_000_010, measuredFrom: 10, end: 2_000_000_000, processorSeconds: 60)
        usage.look(now: 1_500_000_000, measuredFrom: 10, end: 2_000_000_000, processorSeconds: 60.1)
        #expect(usage.share == 0)
        usage.look(now: 3_000_000_010, measuredFrom: 10, end: 2_000_000_000, processorSeconds: 60.5)
        usage.look(now: 9_000_000_000, measuredFrom: 10, end: 2_000_000_000, processorSeconds: 99)
        #expect(usage.share == 0.25)
    }
}
