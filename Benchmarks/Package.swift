// swift-tools-version: 6.3
import PackageDescription

// A package of its own, so that the product's dependencies and build stay free of it.
let package = Package(
    name: "sluice-benchmarks",
    dependencies: [
        .package(name: "sluice", path: ".."),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.14.0"),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.0"),
        .package(url: "https://github.com/google/swift-benchmark.git", from: "0.1.2"),
        .package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift.git", from: "0.2.0"),
    ],
    targets: [
        // Not named as the product's own module of the same library, which no other package can use.
        .systemLibrary(name: "CPlainLMDB", pkgConfig: "lmdb", providers: [.apt(["liblmdb-dev"])]),
        .target(name: "CSockets"),
        .executableTarget(
            name: "LoadGenerator",
            dependencies: [
                "CPlainLMDB", "CSockets",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Histogram", package: "hdrhistogram-swift"),
            ],
            swiftSettings: [.swiftLanguageMode(.v6)]
        ),
        .target(name: "CMeasuredSection"),
    ]
)

// It looks inside the product's modules, which only exist as products with SLUICE_TESTABLE=1 (see the product's manifest).
if Context.environment["SLUICE_TESTABLE"] != nil {
    package.targets.append(
        .executableTarget(
            name: "MicroBenchmarks",
            dependencies: [
                "CMeasuredSection",
                .product(name: "SluiceCore", package: "sluice"), .product(name: "ChangeQueue", package: "sluice"),
                .product(name: "LMDBLog", package: "sluice"),
                .product(name: "SQLiteRegistry", package: "sluice"),
                .product(name: "DeliveryLink", package: "sluice"), .product(name: "Gateway", package: "sluice"),
                .product(name: "Publisher", package: "sluice"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Benchmark", package: "swift-benchmark"),
                .product(name: "GRDB", package: "GRDB.swift"), .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            swiftSettings: [.swiftLanguageMode(.v6)]
        )
    )
}
