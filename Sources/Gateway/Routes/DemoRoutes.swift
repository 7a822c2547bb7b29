import HTTPTypes
import Hummingbird
import SluiceCore

/// The demo page with its parts, the client that users can take, and the documents, from the binary's resources.
struct DemoRoutes: Sendable {
    /// What is served, by path.
    private static let parts: [(path: String, bytes: [UInt8], contentType: String)] = [
        ("/client.js", PackageResources.client_js, script),
        ("/demo.js", PackageResources.demo_js, script),
        ("/demo-path.js", PackageResources.demo_path_js, script),
        ("/demo-measures.js", PackageResources.demo_measures_js, script),
        ("/demo.css", PackageResources.demo_css, "text/css; charset=utf-8"),
        ("/docs/protocol.md", PackageResources.protocol_md, text),
        ("/docs/architecture.md", PackageResources.architecture_md, text),
        ("/docs/operations.md", PackageResources.operations_md, text),
        ("/docs/semantics.md", PackageResources.semantics_md, text),
        ("/docs/security.md", PackageResources.security_md, text),
    ]
    private static let script = "text/javascript; charset=utf-8"
    // A browser saves what is text/markdown instead of showing it.
    private static let text = "text/plain; charset=utf-8"

    /// The paths that are served: a server that mounts routes of its own has a page of its own too, and needs the client only.
    let paths: Set<ByteString>

    /// - Parameter isClientOnly: whether `/client.js` alone is served.
    init(isClientOnly: Bool = false) {
        paths = isClientOnly ? ["/client.js"] : Set(["/"] + DemoRoutes.parts.map { ByteString($0.path) })
    }

    func register(on router: Router<GatewayRequestContext>) {
        for part in DemoRoutes.parts where paths.contains(ByteString(part.path)) {
            router.get(RouterPath(part.path)) { _, _ in
                HTTPAnswer.bytes(part.bytes, part.contentType, fields: [.cacheControl: "no-cache"])
            }
        }
        if paths.contains("/") { registerPage(on: router) }
    }

    private func registerPage(on router: Router<GatewayRequestContext>) {
        var page = HTTPFields()
        page[.cacheControl] = "no-cache"
        page[.contentSecurityPolicy] = DemoRoutes.policy
        // The page's address may carry a token.
        if let name = HTTPField.Name("Referrer-Policy") { page[name] = "no-referrer" }
        router.get("/") { [page] _, _ in
            HTTPAnswer.bytes(PackageResources.index_html, "text/html; charset=utf-8", fields: page)
        }
    }

    /// The page runs the gateway's own scripts, talks to the gateway, and is nobody's frame; its icon is a data URL.
    private static let policy = """
        default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
        base-uri 'none'; form-action 'none'; frame-ancestors 'none'
        """
}
