@testable import FanOut
@testable import Gateway
@testable import SluiceCore

/// The frames of a topic's records, built once for all its subscribers.
enum FrameEncode {
    static let cases = [1, 8].map { records in
        MicroCase(
            suite: "frame encode",
            name: records == 1 ? "1 record" : "\(records) records",
            batch: 100,
            parts: [Part(unit: "record", count: records)]
        ) {
            let topic = Samples.topic(1)
            let all = (1...UInt64(records)).map { Samples.record($0, topic: topic) }
            return Operation(run: { count in
                for _ in 0..<count {
                    var frames = TopicFrames(EventFormats.all(.unmeasured()))
                    for record in all { frames.append(record) }
                    MeasuredSection.keep(frames.events(EventEncoding.base64.formatID, from: 0))
                }
            })
        }
    }
}
