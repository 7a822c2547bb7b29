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
        router.get("/healthz") { _, _ in HTTPAnswer.json(JSONWriter.object { $0.member("status", "ok") }) }
        router.get("/readyz") { _, _ in await ready() }
    }

    private func ready() async -> Response {
        var isReady = true
        var checked: [(name: String, text: String)] = []
        for (name, check) in checks {
            let fault = await check()
            if fault != nil { isReady = false }
            checked.append((name, fault ?? "ok"))
        }
        let isDraining = drain.isDraining
        let refused = refused()
        let body = JSONWriter.object { json in
            json.member("status", isDraining ? "draining" : isReady ? "ready" : "unready")
            json.name("checks")
            json.object { json in for (name, text) in checked { json.member(name, text) } }
            guard !refused.isEmpty else { return }
            json.name("full")
            json.object { json in
                for resource in LogResource.allCases {
                    if let text = refused[resource] { json.member(resource.rawValue, text) }
                }
            }
        }
        return HTTPAnswer.json(body, status: isReady && !isDraining ? .ok : .serviceUnavailable)
    }
}
