import HTTPTypes
import Hummingbird

/// The demo page and the client that users can take, from the binary's resources.
struct DemoRoutes: Sendable {
    func register(on router: Router<GatewayRequestContext>) {
        router.get("/") { _, _ in
            HTTPAnswer.bytes(
                PackageResources.index_html,
                "text/html; charset=utf-8",
                fields: [.cacheControl: "no-cache"]
            )
        }
        router.get("/client.js") { _, _ in
            HTTPAnswer.bytes(
                PackageResources.client_js,
                "text/javascript; charset=utf-8",
                fields: [.cacheControl: "no-cache"]
            )
        }
    }
}
