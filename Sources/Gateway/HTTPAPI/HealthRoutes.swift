import ChangeQueue
import HTTPTypes
import Hummingbird
import SluiceCore

/// `/healthz` and `/readyz`.
struct HealthRoutes: Sendable {
    let drain: DrainState
    /// What must work for the gateway to be ready, by name; each says what is wrong or returns nil.
    let checks: [(name: String, check: @Sendable () async -> String?)]
    /// Limits of the log that are met: part of what clients ask is refused.
    ///
    /// The gateway stays ready, for all the rest of its work goes on, and the next one would have the same log.
    let refused: @Sendable () -> [LogResource: String]

    func register(on router: Router<GatewayRequestContext>) {
        // Alive says only that the process answers; a drain or a full disk is no reason to kill it.
        router.get("/healthz") { _, _ in HTTPAnswer.json(Array(#"{"status":"ok"}"#.utf8)) }
        router.get("/readyz") { _, _ in await ready() }
    }

    private func ready() async -> Response {
        var isReady = true
        var checked: [UInt8] = []
        for (name, check) in checks {
            let fault = await check()
            if fault != nil { isReady = false }
            if !checked.isEmpty { checked.append(UInt8(ascii: ",")) }
            JSONText.appendString(name, to: &checked)
            checked.append(UInt8(ascii: ":"))
            JSONText.appendString(fault ?? "ok", to: &checked)
        }
        let isDraining = drain.isDraining
        var body = Array(#"{"status":""#.utf8)
        body.append(contentsOf: (isDraining ? "draining" : isReady ? "ready" : "unready").utf8)
        body.append(contentsOf: #"","checks":{"#.utf8)
        body.append(contentsOf: checked)
        body.append(UInt8(ascii: "}"))
        appendRefused(to: &body)
        body.append(UInt8(ascii: "}"))
        return HTTPAnswer.json(body, status: isReady && !isDraining ? .ok : .serviceUnavailable)
    }

    private func appendRefused(to body: inout [UInt8]) {
        let refused = refused()
        guard !refused.isEmpty else { return }
        body.append(contentsOf: #","full":{"#.utf8)
        var isFirst = true
        for resource in LogResource.allCases {
            guard let text = refused[resource] else { continue }
            if !isFirst { body.append(UInt8(ascii: ",")) }
            isFirst = false
            JSONText.appendString(resource.rawValue, to: &body)
            body.append(UInt8(ascii: ":"))
            JSONText.appendString(text, to: &body)
        }
        body.append(UInt8(ascii: "}"))
    }
}
