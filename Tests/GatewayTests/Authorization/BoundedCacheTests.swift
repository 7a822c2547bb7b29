import TestSupport
import Testing

@testable import Gateway

@Suite("BoundedCache")
struct BoundedCacheTests {
    private typealias Cache = BoundedCache<Int, Int>

    @Test("a value is good until its end, and then gone")
    func validity() {
        var cache = Cache(maximumBytes: 4 * Cache.entryBytes)
        cache.keep(1, for: 1, heapBytes: 0, until: 100, at: 0)
        #expect(cache.value(for: 1, at: 99) == 1)
        #expect(cache.value(for: 2, at: 0) == nil)
        #expect(cache.value(for: 1, at: 100) == nil)
        #expect(cache.count == 0)
        #expect(cache.bytes == 0)
    }

    @Test("what is larger than the budget isn't kept, and pushes nothing out")
    func tooLarge() {
        var cache = Cache(maximumBytes: 2 * Cache.entryBytes)
        cache.keep(1, for: 1, heapBytes: 0, until: 100, at: 0)
        cache.keep(2, for: 2, heapBytes: 2 * Cache.entryBytes, until: 100, at: 0)
        #expect(cache.value(for: 1, at: 0) == 1)
        #expect(cache.value(for: 2, at: 0) == nil)
        #expect(cache.evictionCount == 0)
    }

    @Test("values that have ended go while others are added, before they could fill the cache")
    func ended() {
        var cache = Cache(maximumBytes: 1_000 * Cache.entryBytes)
        for key in 0..<10_000 {
            cache.keep(key, for: key, heapBytes: 0, until: UInt64(key) + 10, at: UInt64(key))
            #expect(cache.count <= 30)
        }
        #expect(cache.evictionCount == 0)
        for _ in 0..<10 { cache.sweep(slots: 10, at: 20_000) }
        #expect(cache.count == 0)
    }

    @Test("a full cache agrees with a simple model of least recent use within bytes")
    func model() {
        let seed = UInt64.random(in: 1 ... .max)
        print("seed \(seed)")
        var random = SeededGenerator(seed: seed)
        for entries in [1, 2, 7] {
            let budget = entries * Cache.entryBytes + 100
            var cache = Cache(maximumBytes: budget)
            // Oldest first.
            var model: [(key: Int, value: Int, bytes: Int)] = []
            for step in 0..<3_000 {
                let key = Int.random(in: 0..<12, using: &random)
                switch Int.random(in: 0..<5, using: &random) {
                case 0, 1:
                    let heapBytes = Int.random(in: 0..<60, using: &random)
                    cache.keep(step, for: key, heapBytes: heapBytes, until: 1, at: 0)
                    model.removeAll { $0.key == key }
                    let bytes = Cache.entryBytes + heapBytes
                    while model.reduce(bytes, { $0 + $1.bytes }) > budget { model.removeFirst() }
                    model.append((key, step, bytes))
                case 2:
                    cache.removeValue(for: key)
                    model.removeAll { $0.key == key }
                default:
                    let expected = model.first { $0.key == key }
                    #expect(cache.value(for: key, at: 0) == expected?.value)
                    if let expected {
                        model.removeAll { $0.key == key }
                        model.append(expected)
                    }
                }
                #expect(cache.count == model.count)
                #expect(cache.bytes == model.reduce(0) { $0 + $1.bytes })
            }
        }
    }
}
