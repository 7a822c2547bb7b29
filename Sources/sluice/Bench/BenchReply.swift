import SluiceCore

/// A message from the gateway to a receiver (docs/protocol.md).
enum BenchReply: Equatable, Sendable {
    /// The subscription holds; the topic's newest record has this number.
    case subscribed(sequence: UInt64)
    case event(BenchEvent)
    /// The gateway refuses something.
    case error(code: String, message: String)
    /// A kind that doesn't matter here, such as `connected`.
    case other
    /// Not a message of the protocol.
    case faulty

    init(_ text: [UInt8]) {
        guard let message = try? JSONValue(text), let type = message["type"]?.string else {
            self = .faulty
            return
        }
        switch type {
        case "event":
            guard let sequence = message["sequence"]?.unsignedInteger,
                let previous = message["previous"]?.unsignedInteger
            else {
                self = .faulty
                return
            }
            let marker = message["data"].flatMap(BenchMarker.init)
            self = .event(BenchEvent(sequence: sequence, previous: previous, marker: marker))
        case "subscribed":
            let sequence = message["topics"]?.elements?.first?["sequence"]?.unsignedInteger
            self = sequence.map { .subscribed(sequence: $0) } ?? .faulty
        case "error":
            self = .error(code: message["code"]?.string ?? "", message: message["message"]?.string ?? "")
        default: self = .other
        }
    }
}
