import Foundation

/// What a run found, as JSON on standard output.
///
/// Latencies in microseconds.
struct Report: Codable {
    var workload: Workload
    var peer: Peer
    var connections: Int
    var topics: Int
    var inFlight: Int
    var seconds = 0.0
    var connectSeconds: Double?
    var published: UInt64 = 0
    var publishesPerSecond = 0.0
    var acknowledgedPerSecond = 0.0
    var deliveries: UInt64 = 0
    var deliveriesPerSecond = 0.0
    /// Receptions that never came, over the whole run.
    var lost: UInt64 = 0
    /// Subscribers whose connection the server closed.
    var closed = 0
    /// Messages that one read of one socket brought, on average.
    var deliveriesPerRead: Double?
    var delivery: Percentiles?
    var last: Percentiles?
    var acknowledgement: Percentiles?
    /// The generator's CPU as a share of one core: near 1, the generator is the bottleneck.
    var generatorLoad = 0.0
    /// CPU seconds of each process of --pids within the measured time.
    var serverCPUSeconds: [Double] = []
    /// Resident bytes of each of them, before the first connection and at the end.
    var residentBefore: [Int] = []
    var residentAfter: [Int] = []

    init(_ options: Options) {
        workload = options.workload
        peer = options.peer
        connections = options.subscribers
        topics = options.topics
        inFlight = options.inFlight
    }

    /// One line of JSON.
    func write() throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        print(String(decoding: try encoder.encode(self), as: UTF8.self))
    }
}
