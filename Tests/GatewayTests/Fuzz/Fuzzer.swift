import Foundation
import TestSupport
import Testing

/// Makes inputs from samples by damage, and keeps those that made something new happen, to damage them further.
///
/// Without SLUICE_FUZZ_SECONDS it makes some hundred, as a test among others; `make fuzz` gives it minutes or hours. Everything follows from the
/// printed seed, and SLUICE_FUZZ_SEED gives it again.
struct Fuzzer {
    private let name: String
    private let seed: UInt64
    /// Where chance comes from, the attempts' too.
    var random: SeededGenerator
    private var samples: [[UInt8]]
    private let sampleCount: Int
    private let words: [[UInt8]]
    private var kinds: Set<String> = []
    private let count: Int
    private let seconds: Double?
    private let end: ContinuousClock.Instant
    private var tried = 0
    private var input: [UInt8] = []
    private var started = ContinuousClock.now
    private var hasFailed = false
    private static let maximumSamples = 20_000
    private static let maximumBytes = 64 * 1024

    /// - Parameters:
    ///   - count: inputs, where no time is given.
    ///   - samples: sound inputs, and what is nearly so.
    ///   - words: what damage puts in, beside random bytes.
    init(_ name: String, _ count: Int, samples: [[UInt8]], words: [[UInt8]]) {
        let environment = ProcessInfo.processInfo.environment
        self.name = name
        self.count = count
        self.samples = samples
        self.words = words
        sampleCount = samples.count
        seed = environment["SLUICE_FUZZ_SEED"].flatMap { UInt64($0) } ?? .random(in: .min ... .max)
        random = SeededGenerator(seed: seed)
        seconds = environment["SLUICE_FUZZ_SECONDS"].flatMap(Double.init)
        end = .now + .seconds(seconds ?? 0)
        print("fuzz \(name) seed \(seed)")
    }

    init(_ name: String, _ count: Int, samples: [String], words: [String]) {
        self.init(name, count, samples: samples.map { Array($0.utf8) }, words: words.map { Array($0.utf8) })
    }

    /// The next input; nil when the time is over, or one was at fault.
    mutating func next() -> [UInt8]? {
        guard !hasFailed, seconds == nil ? tried < count : ContinuousClock.now < end || tried < samples.count else {
            print("fuzz \(name): \(tried) inputs, \(kinds.count) kinds of outcome")
            return nil
        }
        input = tried < sampleCount ? samples[tried] : damaged()
        tried += 1
        started = .now
        return input
    }

    /// Takes note of what the last input led to.
    /// - Parameters:
    ///   - kind: what it was, with whatever differs by chance left out: an input is kept for the first of its kind.
    ///   - fault: what must not happen; nil when all is well.
    mutating func note(_ kind: String, fault: String? = nil) {
        // Nothing of this size takes so long, unless its cost grows faster than it.
        let fault = fault ?? (ContinuousClock.now - started > .seconds(5) ? "it took more than 5 s" : nil)
        if let fault {
            hasFailed = true
            Issue.record("fuzz \(name) seed \(seed): \(fault), by base64 \(Data(input).base64EncodedString())")
        }
        if kinds.insert(kind).inserted, samples.count < Fuzzer.maximumSamples { samples.append(input) }
    }

    private mutating func damaged() -> [UInt8] {
        var bytes = samples.randomElement(using: &random) ?? []
        for _ in 0..<(1 << Int.random(in: 0..<4, using: &random)) { damage(&bytes) }
        return Array(bytes.prefix(Fuzzer.maximumBytes))
    }

    private mutating func damage(_ bytes: inout [UInt8]) {
        let place = Int.random(in: 0...bytes.count, using: &random)
        let length = Int.random(in: 0...min(16, bytes.count - place), using: &random)
        switch Int.random(in: 0..<9, using: &random) {
        case 0 where place < bytes.count: bytes[place] = .random(in: 0...255, using: &random)
        case 1 where place < bytes.count: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 2: bytes.removeSubrange(place..<(place + length))
        case 3: bytes.insert(contentsOf: bytes[place..<(place + length)], at: place)
        case 4, 5: bytes.insert(contentsOf: words.randomElement(using: &random) ?? [], at: place)
        case 6: bytes.insert(.random(in: 0...255, using: &random), at: place)
        case 7:
            // The beginning of one with the end of another.
            let other = samples.randomElement(using: &random) ?? []
            bytes = bytes.prefix(place) + other.suffix(Int.random(in: 0...other.count, using: &random))
        default:
            let piece = Array(bytes[place..<(place + length)])
            for _ in 0..<Int.random(in: 0..<64, using: &random) { bytes.insert(contentsOf: piece, at: place) }
        }
    }
}

extension SeededGenerator {
    /// Cuts bytes into pieces.
    mutating func pieces(of bytes: [UInt8], longest: Int) -> [ArraySlice<UInt8>] {
        var pieces: [ArraySlice<UInt8>] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            pieces.append(rest.prefix(Int.random(in: 1...longest, using: &self)))
            rest = rest.dropFirst(pieces.last?.count ?? 0)
        }
        return pieces
    }
}

extension String {
    /// The text without what differs from run to run, or with each number that a client may choose.
    var withoutNumbers: String { String(filter { !$0.isNumber }.prefix(400)) }
}
