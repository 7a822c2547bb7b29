import SluiceCore

@testable import Gateway

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
            let items = (1...UInt64(records)).map {
                TopicBatch.Item(record: Samples.record($0, topic: topic), delivery: 0)
            }
            return Operation(run: { count in
                for _ in 0..<count {
                    var frames = BatchFrames(TopicBatch(feed: 0, items: items))
                    MeasuredSection.keep(frames.buffer(.base64, from: 0))
                }
            })
        }
    }
}
