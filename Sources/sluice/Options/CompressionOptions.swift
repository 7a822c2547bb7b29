import ArgumentParser
import Gateway

/// The gateway's flags for what is compressed for clients that ask for it.
struct CompressionOptions: SettingOptions {
    @Flag(
        Setting(
            "websocket-compression",
            .onOff,
            default: "true",
            for: [.gateway],
            "Compress messages of WebSockets whose clients offer permessage-deflate."
        )
        .fills(gateway: \.webSocket.compression.isForWebSockets)
    )
    var webSocketCompression: Bool?
    @Flag(
        Setting(
            "sse-compression",
            .onOff,
            default: "true",
            for: [.gateway],
            "Compress server-sent events with gzip for clients that accept it."
        )
        .fills(gateway: \.webSocket.compression.isForServerSentEvents)
    )
    var sseCompression: Bool?
    @Option(
        Setting(
            "compression-minimum-bytes",
            .bytes(64...(16 * 1024 * 1024)),
            default: "1KiB",
            for: [.gateway],
            "What is smaller is sent as it is."
        )
        .fills(gateway: \.webSocket.compression.minimumBytes)
    )
    var compressionMinimumBytes: String?
}
