@testable import SluiceCore

/// A record's bytes: written once by the log writer, read by the publisher (head only) and by the gateway.
enum Codec {
    static let cases = [
        MicroCase(suite: "codec", name: "encode into the log's page", batch: 1_000) {
            let record = Samples.record(2, topic: Samples.topic(1))
            var page = [UInt8](repeating: 0, count: RecordCodec.byteCount(of: record))
            return Operation(run: { count in
                page.withUnsafeMutableBytes { page in
                    for _ in 0..<count { RecordCodec.encode(record, into: page) }
                }
            })
        },
        MicroCase(suite: "codec", name: "encode (EncodedRecord of a record)", batch: 1_000) {
            let record = Samples.record(2, topic: Samples.topic(1))
            return Operation(run: { count in
                for _ in 0..<count { MeasuredSection.keep(EncodedRecord(record)) }
            })
        },
        MicroCase(suite: "codec", name: "decode", batch: 1_000) {
            let bytes = EncodedRecord(Samples.record(2, topic: Samples.topic(1))).bytes
            return Operation(run: { count in
                for _ in 0..<count { MeasuredSection.keep(try RecordCodec.decode(bytes)) }
            })
        },
        MicroCase(suite: "codec", name: "copy and read the head (EncodedRecord of bytes)", batch: 1_000) {
            let bytes = EncodedRecord(Samples.record(2, topic: Samples.topic(1))).bytes
            return Operation(run: { count in
                try bytes.withUnsafeBytes { bytes in
                    for _ in 0..<count { MeasuredSection.keep(try EncodedRecord(bytes)) }
                }
            })
        },
    ]
}
