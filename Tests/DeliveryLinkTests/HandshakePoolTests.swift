import TestSupport
import Testing

@testable import DeliveryLink

@Suite struct HandshakePoolTests {
    private final class Peer {}

    private func id(_ peer: Peer) -> ObjectIdentifier { ObjectIdentifier(peer) }

    @Test("while there is a place nobody has to go; then the oldest has to")
    func oldestOut() {
        var pool = HandshakePool<Int>(places: 3)
        let peers = (0..<5).map { _ in Peer() }
        for number in 0..<3 { #expect(pool.enter(id(peers[number]), number, from: "a") == nil) }
        #expect(pool.enter(id(peers[3]), 3, from: "a") == 0)
        #expect(pool.leave(id(peers[2])) == 2)
        #expect(pool.enter(id(peers[4]), 4, from: "a") == nil)
        #expect(pool.all == [1, 3, 4])
        #expect(pool.leave(id(peers[0])) == nil)
    }

    @Test("a flood from one address takes no place of another's")
    func fairByAddress() {
        var pool = HandshakePool<String>(places: 4)
        let publishers = [Peer(), Peer()]
        #expect(pool.enter(id(publishers[0]), "publisher 0", from: "10.0.0.1") == nil)
        let strangers = (0..<100).map { _ in Peer() }
        for stranger in strangers.prefix(50) { _ = pool.enter(id(stranger), "stranger", from: "10.6.6.6") }
        #expect(pool.enter(id(publishers[1]), "publisher 1", from: "10.0.0.2") == "stranger")
        for stranger in strangers.suffix(50) {
            #expect(pool.enter(id(stranger), "stranger", from: "10.6.6.6") == "stranger")
        }
        #expect(pool.leave(id(publishers[0])) == "publisher 0" && pool.leave(id(publishers[1])) == "publisher 1")
    }

    @Test("there are never more than the places, whoever comes and goes, and everyone comes out once")
    func bounded() {
        var generator = SeededGenerator(seed: SeededGenerator.printedSeed())
        for _ in 0..<100 {
            let places = Int.random(in: 1...6, using: &generator)
            var pool = HandshakePool<Int>(places: places)
            var peers: [Peer] = []
            var out: [Int] = []
            for _ in 0..<80 {
                if Bool.random(using: &generator) {
                    peers.append(Peer())
                    let origin = "\(UInt8.random(in: 0...3, using: &generator))"
                    if let gone = pool.enter(id(peers[peers.count - 1]), peers.count - 1, from: origin) {
                        out.append(gone)
                    }
                } else if let peer = peers.randomElement(using: &generator), let gone = pool.leave(id(peer)) {
                    out.append(gone)
                }
                #expect(pool.all.count <= places)
            }
            #expect((out + pool.all).sorted() == Array(peers.indices))
        }
    }
}
