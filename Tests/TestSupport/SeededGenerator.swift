import Foundation

/// SplitMix64: the same numbers for the same seed, so that a random test that failed can be run again.
public struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    /// Begins with `seed`.
    public init(seed: UInt64) { state = seed }

    /// The next number.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// True once in `count` times.
    public mutating func oneIn(_ count: Int) -> Bool { Int.random(in: 0..<count, using: &self) == 0 }

    /// A fresh seed, printed, or the one in `SLUICE_TEST_SEED`.
    public static func printedSeed(_ test: String = #function) -> UInt64 {
        let seed =
            ProcessInfo.processInfo.environment["SLUICE_TEST_SEED"].flatMap { UInt64($0) }
            ?? UInt64.random(in: .min ... .max)
        print("\(test): SLUICE_TEST_SEED=\(seed)")
        return seed
    }
}
