// swift-tools-version: 6.3
import PackageDescription

// `make check` and `make test` set the variable. Dependencies keep their warnings, which a flag on the command line would turn into errors too.
let isStrict = Context.environment["WARNINGS_AS_ERRORS", default: ""] != ""

var settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]
if isStrict { settings.append(.treatAllWarnings(as: .error)) }
// The micro benchmarks look inside these modules. On the command line the flag would also change the dependencies, and so what is measured.
let isTestable = Context.environment["SLUICE_TESTABLE"] != nil
if isTestable { settings.append(.unsafeFlags(["-enable-testing"])) }

func product(_ name: String, _ package: String) -> Target.Dependency { .product(name: name, package: package) }

let nioCore = product("NIOCore", "swift-nio")
let nioPosix = product("NIOPosix", "swift-nio")
let nioEmbedded = product("NIOEmbedded", "swift-nio")
let nioSSL = product("NIOSSL", "swift-nio-ssl")
let log = product("Logging", "swift-log")
let lifecycle = product("ServiceLifecycle", "swift-service-lifecycle")
let asyncHTTPClient = product("AsyncHTTPClient", "async-http-client")

let package = Package(
    name: "sluice",
    products: [
        .executable(name: "sluice", targets: ["sluice"]),
        .library(name: "SluiceCore", targets: ["SluiceCore"]),
        .library(name: "ChangeQueue", targets: ["ChangeQueue"]),
        .library(name: "QueueEngine", targets: ["QueueEngine"]),
        .library(name: "SubscriptionRegistry", targets: ["SubscriptionRegistry"]),
        .library(name: "DeliveryLink", targets: ["DeliveryLink"]),
        .library(name: "Gateway", targets: ["Gateway"]),
        .library(name: "Publisher", targets: ["Publisher"]),
        .library(name: "LocalStorage", targets: ["LocalStorage"]),
        .library(name: "SluiceTesting", targets: ["SluiceTesting"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-extras.git", from: "1.34.1"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.36.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.0"),
        .package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0"),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-configuration.git", from: "1.4.0"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.14.0"),
        .package(url: "https://github.com/apple/swift-metrics.git", from: "2.9.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.11.0"),
        .package(url: "https://github.com/swift-server/async-http-client.git", from: "1.30.0"),
        .package(url: "https://github.com/vapor/jwt-kit.git", from: "5.7.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift.git", from: "0.2.0"),
        .package(url: "https://github.com/apple/swift-collections.git", from: "1.3.0"),
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.0.0"),
        .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0"),
        // The certificate of signed notifications; jwt-kit depends on both already.
        .package(url: "https://github.com/apple/swift-certificates.git", from: "1.21.0"),
        .package(url: "https://github.com/apple/swift-asn1.git", from: "1.5.0"),
    ],
    targets: [
        // Only LMDB imports CLMDB; SluiceCore and LMDB import no NIO; Gateway and Publisher import neither a driver nor each other.
        .systemLibrary(name: "CLMDB", pkgConfig: "lmdb", providers: [.apt(["liblmdb-dev"])]),
        // Only Deflate imports CZlib.
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        // Messages compressed one by one, and gzip streams put together from shared parts.
        .target(name: "Deflate", dependencies: ["CZlib", nioCore, nioPosix], swiftSettings: settings),
        // What several modules need of the system, one of each; it imports Glibc only.
        .target(name: "PosixSupport", swiftSettings: settings),
        .target(name: "LMDB", dependencies: ["CLMDB", "PosixSupport"], swiftSettings: settings),
        // The processor's instruction for checksums; only SluiceCore imports it.
        .target(name: "CCRC32C"),
        .target(name: "SluiceCore", dependencies: ["CCRC32C"], swiftSettings: settings),
        // The log, the queues on it and the registry: protocols and words. Gateway and Publisher know no driver behind them.
        .target(name: "ChangeQueue", dependencies: ["QueueEngine", "SluiceCore"], swiftSettings: settings),
        // Message queues: the rules as values; a service with waiters over a store; AWS's wire over the service.
        .target(
            name: "QueueEngine",
            dependencies: ["SluiceCore", product("Crypto", "swift-crypto")],
            swiftSettings: settings
        ),
        .target(name: "Queues", dependencies: ["QueueEngine", "SluiceCore", log], swiftSettings: settings),
        .target(
            name: "SQSProtocol",
            dependencies: ["Queues", "QueueEngine", "SluiceCore", product("Crypto", "swift-crypto")],
            swiftSettings: settings
        ),
        .target(
            name: "SNSProtocol",
            dependencies: ["SQSProtocol", "Queues", "QueueEngine", "SluiceCore"],
            swiftSettings: settings
        ),
        .target(name: "SubscriptionRegistry", dependencies: ["PosixSupport", "SluiceCore"], swiftSettings: settings),
        // The drivers of one machine, and what puts gateway and publisher onto them.
        .target(
            name: "LMDBLog",
            dependencies: [
                "ChangeQueue", "QueueEngine", "Queues", "LMDB", "PosixSupport", "SluiceCore", log,
                product("DequeModule", "swift-collections"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "SQLiteRegistry",
            dependencies: [
                "SubscriptionRegistry", "PosixSupport", "SluiceCore", product("GRDB", "GRDB.swift"), log,
            ],
            swiftSettings: settings
        ),
        .target(
            name: "LocalStorage",
            dependencies: [
                "Gateway", "Publisher", "ChangeQueue", "LMDBLog", "PosixSupport", "QueueEngine", "Queues",
                "SQLiteRegistry", "SluiceCore", log,
            ],
            swiftSettings: settings
        ),
        .target(
            name: "DeliveryLink",
            dependencies: [
                "PosixSupport", "SluiceCore", nioCore, nioPosix, nioSSL, log, product("Crypto", "swift-crypto"),
                product("CryptoExtras", "swift-crypto"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "StageLatency",
            dependencies: [
                "SluiceCore", product("Histogram", "hdrhistogram-swift"), product("CoreMetrics", "swift-metrics"),
            ],
            swiftSettings: settings
        ),
        .target(name: "FanOut", dependencies: ["SluiceCore", nioCore], swiftSettings: settings),
        .target(
            name: "ServerSentEvents",
            dependencies: ["Deflate", "FanOut", "SluiceCore", nioCore],
            swiftSettings: settings
        ),
        .target(
            name: "Gateway",
            dependencies: [
                "PosixSupport", "Deflate", "FanOut", "ServerSentEvents", "SluiceCore", "ChangeQueue", "QueueEngine",
                "Queues", "SQSProtocol",
                "SNSProtocol",
                "SubscriptionRegistry", "DeliveryLink", "StageLatency",
                nioCore, nioPosix, nioSSL, log, lifecycle, asyncHTTPClient,
                product("NIOHTTP1", "swift-nio"), product("NIOWebSocket", "swift-nio"),
                product("NIOHTTPTypesHTTP1", "swift-nio-extras"),
                product("HTTPTypes", "swift-http-types"), product("Hummingbird", "hummingbird"),
                product("HummingbirdCore", "hummingbird"), product("HummingbirdHTTP2", "hummingbird"),
                product("NIOTLS", "swift-nio"), product("JWTKit", "jwt-kit"),
                product("Crypto", "swift-crypto"), product("CryptoExtras", "swift-crypto"),
                product("X509", "swift-certificates"), product("SwiftASN1", "swift-asn1"),
                product("Metrics", "swift-metrics"), product("DequeModule", "swift-collections"),
            ],
            // For those who take the client from the sources, and for its tests in Node.
            exclude: ["Demo/package.json"],
            resources: [
                .embedInCode("Demo/index.html"), .embedInCode("Demo/demo.css"), .embedInCode("Demo/demo.js"),
                .embedInCode("Demo/demo-path.js"), .embedInCode("Demo/demo-measures.js"),
                .embedInCode("Demo/client.js"), .embedInCode("Demo/client.d.ts"),
                .embedInCode("Demo/client-address.js"), .embedInCode("Demo/client-errors.js"),
                .embedInCode("Demo/client-event-stream.js"), .embedInCode("Demo/client-publishes.js"),
                .embedInCode("Demo/client-sse.js"), .embedInCode("Demo/client-state.js"),
                .embedInCode("Demo/client-tokens.js"), .embedInCode("Demo/client-topics.js"),
                .embedInCode("Demo/client-websocket.js"),
                // Links to the documents, so that a running gateway has those of its version.
                .embedInCode("Demo/docs/protocol.md"), .embedInCode("Demo/docs/architecture.md"),
                .embedInCode("Demo/docs/operations.md"), .embedInCode("Demo/docs/security.md"),
                .embedInCode("Demo/docs/semantics.md"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "Publisher",
            dependencies: [
                "PosixSupport", "SluiceCore", "ChangeQueue", "SubscriptionRegistry", "DeliveryLink", "StageLatency",
                nioCore, nioPosix, log, lifecycle, product("Hummingbird", "hummingbird"),
                product("Metrics", "swift-metrics"),
            ],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "sluice",
            dependencies: [
                "Gateway", "Publisher", "LocalStorage", "PosixSupport", "SluiceCore", "ChangeQueue",
                "SubscriptionRegistry", "LMDBLog", "QueueEngine", "Queues",
                "SQLiteRegistry", "StageLatency", "DeliveryLink",
                log, lifecycle, asyncHTTPClient, nioCore, nioPosix, product("NIOHTTP1", "swift-nio"),
                product("NIOWebSocket", "swift-nio"), product("UnixSignals", "swift-service-lifecycle"),
                product("ArgumentParser", "swift-argument-parser"), product("Configuration", "swift-configuration"),
            ],
            swiftSettings: settings
        ),
        // Drivers in memory: the reference for what the protocols promise, and what tests of gateways and publishers stand on.
        .target(
            name: "SluiceTesting",
            dependencies: ["ChangeQueue", "SubscriptionRegistry", "SluiceCore"],
            swiftSettings: settings
        ),
        // The server of docs/embedding.md, compiled as its readers do; Examples/Shop is also a package of its own.
        .executableTarget(
            name: "ShopExample",
            dependencies: [
                "Gateway", "LocalStorage", "Publisher", "SluiceCore", lifecycle, log,
                product("HTTPTypes", "swift-http-types"), product("Hummingbird", "hummingbird"),
            ],
            path: "Examples/Shop/Sources/Shop",
            swiftSettings: [.swiftLanguageMode(.v6)] + (isStrict ? [.treatAllWarnings(as: .error)] : [])
        ),
        // What the tests share.
        .target(
            name: "TestSupport",
            dependencies: ["ChangeQueue", "SluiceCore", nioCore],
            path: "Tests/TestSupport",
            swiftSettings: settings
        ),
        .testTarget(name: "PosixSupportTests", dependencies: ["PosixSupport", "TestSupport"], swiftSettings: settings),
        .testTarget(name: "DeflateTests", dependencies: ["CZlib", "Deflate", nioCore], swiftSettings: settings),
        .testTarget(name: "LMDBTests", dependencies: ["LMDB", "TestSupport"], swiftSettings: settings),
        .testTarget(name: "SluiceCoreTests", dependencies: ["SluiceCore", "TestSupport"], swiftSettings: settings),
        .testTarget(
            name: "ChangeQueueTests",
            dependencies: [
                "TestSupport", "ChangeQueue", "QueueEngine", "LMDBLog", "LMDB", "PosixSupport", "SluiceCore", log,
            ],
            resources: [.copy("Fixtures")],
            swiftSettings: settings
        ),
        .testTarget(
            name: "QueuesTests",
            dependencies: [
                "TestSupport", "Queues", "QueueEngine", "SQSProtocol", "SNSProtocol", "LMDB", "LMDBLog", "ChangeQueue",
                "SluiceCore", log,
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "SubscriptionRegistryTests",
            dependencies: [
                "TestSupport", "SubscriptionRegistry", "SQLiteRegistry", "PosixSupport", "SluiceCore",
                product("GRDB", "GRDB.swift"), log,
            ],
            swiftSettings: settings
        ),
        // What every driver must do, for each of them.
        .testTarget(
            name: "ConformanceTests",
            dependencies: [
                "TestSupport", "SluiceTesting", "ChangeQueue", "SubscriptionRegistry", "LMDB", "LMDBLog",
                "SQLiteRegistry",
                "SluiceCore", log,
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "DeliveryLinkTests",
            dependencies: [
                "TestSupport", "DeliveryLink", "SluiceCore", nioCore, nioPosix, nioEmbedded, log,
                product("X509", "swift-certificates"), product("SwiftASN1", "swift-asn1"),
                product("Crypto", "swift-crypto"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "StageLatencyTests",
            dependencies: ["StageLatency", "SluiceCore", product("Metrics", "swift-metrics")],
            swiftSettings: settings
        ),
        .testTarget(
            name: "FanOutTests",
            dependencies: ["TestSupport", "FanOut", "SluiceCore", nioCore, nioEmbedded],
            swiftSettings: settings
        ),
        .testTarget(
            name: "ServerSentEventsTests",
            dependencies: ["TestSupport", "ServerSentEvents", "FanOut", "SluiceCore", nioCore],
            swiftSettings: settings
        ),
        .testTarget(
            name: "GatewayTests",
            dependencies: [
                "TestSupport", "ShopExample",
                "Deflate", "FanOut", "Gateway", "LocalStorage", "SluiceCore", "ChangeQueue", "DeliveryLink",
                "QueueEngine",
                "Queues",
                "SubscriptionRegistry",
                nioCore, nioPosix, nioEmbedded, log, product("NIOHTTP1", "swift-nio"),
                product("JWTKit", "jwt-kit"), product("HTTPTypes", "swift-http-types"),
                product("Hummingbird", "hummingbird"), product("HummingbirdCore", "hummingbird"), lifecycle,
                product("CryptoExtras", "swift-crypto"), product("Metrics", "swift-metrics"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "PublisherTests",
            dependencies: [
                "TestSupport", "Publisher", "SluiceCore", "ChangeQueue", "LMDBLog", "DeliveryLink", nioCore, nioPosix,
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "CommandLineTests",
            dependencies: [
                "TestSupport",
                "sluice", "Gateway", "Publisher", "SluiceCore", "StageLatency", log, nioCore,
                product("NIOHTTP1", "swift-nio"), product("ArgumentParser", "swift-argument-parser"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "IntegrationTests",
            dependencies: [
                "TestSupport", "SluiceTesting", "sluice", "Gateway", "Publisher", "ChangeQueue", "SubscriptionRegistry",
                "SluiceCore", nioCore, nioPosix, asyncHTTPClient, lifecycle, log, product("NIOHTTP1", "swift-nio"),
            ],
            swiftSettings: settings
        ),
    ]
)

// The drivers are nobody's product but the micro benchmarks'.
if isTestable {
    package.products += ["LMDBLog", "SQLiteRegistry"].map { .library(name: $0, targets: [$0]) }
}
