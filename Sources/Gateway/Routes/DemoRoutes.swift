import HTTPTypes
import Hummingbird

/// The demo page with its parts and the client that users can take, from the binary's resources.
struct DemoRoutes: Sendable {
    func register(on router: Router<GatewayRequestContext>) {
        var page = HTTPFields()
        page[.cacheControl] = "no-cache"
        page[.contentSecurityPolicy] = DemoRoutes.policy
        // The page's address may carry a token.
        if let name = HTTPField.Name("Referrer-Policy") { page[name] = "no-referrer" }
        router.get("/") { [page] _, _ in
            HTTPAnswer.bytes(PackageResources.index_html, "text/html; charset=utf-8", fields: page)
        }
        router.get("/demo.css") { _, _ in part(PackageResources.demo_css, "text/css; charset=utf-8") }
        router.get("/demo.js") { _, _ in part(PackageResources.demo_js, "text/javascript; charset=utf-8") }
        router.get("/client.js") { _, _ in part(PackageResources.client_js, "text/javascript; charset=utf-8") }
    }

    /// The page runs the gateway's own scripts, talks to the gateway, and is nobody's frame; its icon is a data URL.
    private static let policy = """
        default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
        base-uri 'none'; form-action 'none'; frame-ancestors 'none'
        """

    private func part(_ bytes: [UInt8], _ contentType: String) -> Response {
        HTTPAnswer.bytes(bytes, contentType, fields: [.cacheControl: "no-cache"])
    }
}
