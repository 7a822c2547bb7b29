import HTTPTypes
import Hummingbird
import SluiceCore

/// The demo page with its parts, the client that users can take, and the documents, from the binary's resources.
struct DemoRoutes: Sendable {
    /// The client, which consists of modules that import each other by relative addresses, and its types.
    private static let client: [(path: String, bytes: [UInt8], contentType: String)] = [
        ("/client.js", PackageResources.client_js, script),
        ("/client-address.js", PackageResources.client_address_js, script),
        ("/client-errors.js", PackageResources.client_errors_js, script),
        ("/client-event-stream.js", PackageResources.client_event_stream_js, script),
        ("/client-publishes.js", PackageResources.client_publishes_js, script),
        ("/client-sse.js", PackageResources.client_sse_js, script),
        ("/client-state.js", PackageResources.client_state_js, script),
        ("/client-tokens.js", PackageResources.client_tokens_js, script),
        ("/client-topics.js", PackageResources.client_topics_js, script),
        ("/client-websocket.js", PackageResources.client_websocket_js, script),
        ("/client.d.ts", PackageResources.client_d_ts, text),
    ]
    /// The page's own parts, and documents.
    private static let page: [(path: String, bytes: [UInt8], contentType: String)] = [
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

    /// - Parameter isClientOnly: whether `/client.js` with its modules and types alone is served.
    init(isClientOnly: Bool = false) {
        let client = Set(DemoRoutes.client.map { ByteString($0.path) })
        paths = isClientOnly ? client : client.union(["/"] + DemoRoutes.page.map { ByteString($0.path) })
    }

    func register(on router: Router<GatewayRequestContext>) {
        for part in DemoRoutes.client + DemoRoutes.page where paths.contains(ByteString(part.path)) {
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
