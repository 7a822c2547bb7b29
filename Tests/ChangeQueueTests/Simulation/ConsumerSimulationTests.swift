import SluiceCore
import Testing

@testable import ChangeQueue
@testable import LMDBLog

/// Goal: whatever happens to the publishers, every record is retired in the end, none is in two hands at once, and a
/// topic stays in order. Method: random histories of the pure values, checked at every step; each seed is one history.
@Suite("Consumers, simulated")
struct ConsumerSimulationTests {
    private func seeds(_ what: String, known: UInt64 = 40) -> [UInt64] {
        let fresh = UInt64.random(in: 1_000 ... .max)
        print("consumer simulation, \(what), fresh seed \(fresh)")
        return Array(1...known) + [fresh]
    }

    private func holds(_ queues: [(queue: any SimulatedQueue, timeout: UInt64)], steps: Int, seed: UInt64) {
        var simulation = QueuesSimulation(queues, seed: seed)
        simulation.run(steps: steps)
        #expect(simulation.violations.isEmpty, "seed \(seed): \(simulation.violations.prefix(3))")
        #expect(simulation.deliveries.allSatisfy { $0 > 50 }, "seed \(seed) does too little: \(simulation.deliveries)")
    }

    @Test(
        "every record is retired once and in order, through crashes, hangs, retries and trims",
        arguments: QueueSemantics.allCases
    )
    func holds(semantics: QueueSemantics) {
        for seed in seeds(semantics.rawValue) {
            let queue: any SimulatedQueue =
                switch semantics.attributes.kind {
                case .standard: SimulatedLeases(semantics.attributes.receiveMode)
                case .stream: SimulatedStream()
                }
            holds([(queue, timeout)], steps: 400, seed: seed)
        }
    }

    @Test("two standard queues of different visibility timeouts over one log and one store don't know each other")
    func areApart() throws {
        for seed in seeds("two queues", known: 20) {
            let scratch = try ConsumerScratch()
            let store = try scratch.openStore()
            let queues = try [("fast", timeout), ("slow", 5 * timeout)].map { name, timeout in
                let place = try SimulatedLeases.Place(QueueID(ByteString(name)), store)
                let queue = SimulatedLeases(.pull, visibilityNanoseconds: timeout, in: place)
                return (queue: queue as any SimulatedQueue, timeout: timeout)
            }
            holds(queues, steps: 800, seed: seed)
        }
    }

    @Test("queues of all kinds over one log don't know each other")
    func kindsAreApart() {
        for seed in seeds("all kinds", known: 8) {
            holds(
                [
                    (SimulatedLeases(.pull), timeout), (SimulatedLeases(.push), timeout), (SimulatedStream(), timeout),
                ],
                steps: 1_200,
                seed: seed
            )
        }
    }
}
