import ArgumentParser

/// The servers that the generator speaks to.
enum Peer: String, CaseIterable, ExpressibleByArgument, Codable {
    /// Sluice; publishes over HTTP.
    case sluice
    /// Sluice; publishes over one WebSocket.
    case sluiceWS = "sluice-ws"
    /// NATS; subscribers over WebSocket, publishes over one TCP connection, without acknowledgement.
    case nats
    /// The same with a JetStream stream over the subjects; publishes are acknowledged when stored.
    case jetstream
    /// nchan; publishes over HTTP.
    case nchan
    /// Mosquitto; subscribers over WebSocket, publishes over one TCP connection, QoS 0.
    case mosquitto
    /// Redis streams; publishes only.
    case redis

    /// Whether a publish is answered.
    var acknowledges: Bool { self != .nats && self != .mosquitto }

    /// Whether publishes need a connection each, as they are answered in order and one at a time.
    var publishesOneAtATime: Bool { self == .sluice || self == .nchan || self == .redis }

    /// The topic's name in the words of the peer.
    func topic(_ number: Int) -> String {
        switch self {
        case .nats, .jetstream: "bench.\(number)"
        case .nchan: "bench-\(number)"
        case .redis: "bench"
        default: "bench/\(number)"
        }
    }
}
