import SluiceCore
import Testing

@testable import ChangeQueue

/// Goal: whatever happens to the publishers, every record is retired in the end, none is in two hands at once, and a
/// topic stays in order. Method: random histories of the pure values, checked at every step; each seed is one history.
@Suite("Consumers, simulated")
struct ConsumerSimulationTests {
    @Test(
        "every record is retired once and in order, through crashes, hangs, retries and trims",
        arguments: QueueSemantics.allCases
    )
    func holds(semantics: QueueSemantics) {
        let fresh = UInt64.random(in: 1_000 ... .max)
        print("consumer simulation, \(semantics.rawValue), fresh seed \(fresh)")
        for seed in Array(1...40) + [fresh] {
            var simulation = ConsumerSimulation(semantics, seed: seed)
            simulation.run(steps: 400)
            #expect(simulation.violations.isEmpty, "seed \(seed): \(simulation.violations.prefix(3))")
            #expect(simulation.deliveries > 50, "seed \(seed) does too little")
        }
    }
}
