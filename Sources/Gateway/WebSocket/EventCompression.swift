import Deflate
import Metrics

/// Which events are compressed, for those who asked for it.
struct EventCompression: Sendable {
    /// Over WebSockets.
    let webSocket: CompressionRule
    /// As server-sent events.
    let serverSent: CompressionRule

    /// Events of a size, counted by where they go.
    init(minimumBytes: Int, factory: any MetricsFactory) {
        func rule(_ kind: String) -> CompressionRule {
            func counter(_ label: String) -> Counter {
                Counter(label: label, dimensions: [("kind", kind)], factory: factory)
            }
            let messages = counter("sluice_compressed_messages_total")
            let plain = counter("sluice_compression_plain_bytes_total")
            let compressed = counter("sluice_compression_compressed_bytes_total")
            return CompressionRule(minimumBytes: minimumBytes) { plainBytes, compressedBytes in
                messages.increment()
                plain.increment(by: plainBytes)
                compressed.increment(by: compressedBytes)
            }
        }
        webSocket = rule("websocket")
        serverSent = rule("sse")
    }

    /// Without counters, for tests and benchmarks.
    static func unmeasured(minimumBytes: Int = CompressionConfiguration().minimumBytes) -> EventCompression {
        EventCompression(minimumBytes: minimumBytes, factory: NOOPMetricsHandler.instance)
    }
}
