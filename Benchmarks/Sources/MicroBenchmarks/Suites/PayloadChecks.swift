@testable import Gateway
@testable import SluiceCore

/// What a publish is checked for before it comes near the log.
enum PayloadChecks {
    static let cases = [
        MicroCase(suite: "checks", name: "JSON payload of 200 bytes", batch: 1_000) {
            let payload = Samples.payload
            return Operation(run: { count in
                for _ in 0..<count { try PayloadRules.check(payload, .json) }
            })
        },
        MicroCase(suite: "checks", name: "content type application/json", batch: 1_000) {
            contentType("application/json")
        },
        MicroCase(suite: "checks", name: "content type text/plain; charset=utf-8", batch: 1_000) {
            contentType("text/plain; charset=utf-8")
        },
        MicroCase(suite: "checks", name: "topic in a publish's path", batch: 1_000) {
            target("/topics/orders/region-7/48151")
        },
        MicroCase(suite: "checks", name: "topic in a publish's path, percent-encoded", batch: 1_000) {
            target("/topics/orders%2Fregion%2D7%2F48151")
        },
    ]

    private static func contentType(_ value: String) -> Operation {
        Operation(run: { count in
            for _ in 0..<count { MeasuredSection.keep(try PayloadRules.contentType(value)) }
        })
    }

    private static func target(_ uri: String) -> Operation {
        Operation(run: { count in
            for _ in 0..<count { MeasuredSection.keep(PublishTarget(uri: uri)) }
        })
    }
}
