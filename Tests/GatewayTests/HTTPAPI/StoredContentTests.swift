import HTTPTypes
import Testing

@testable import Gateway

@Suite("StoredContent")
struct StoredContentTests {
    @Test(
        "what browsers only show is shown",
        arguments: [
            "application/json", "text/plain", "Text/Plain; charset=UTF-8", "text/plain;charset=\"utf-8\"", "image/png",
            "application/octet-stream", "video/mp4",
        ]
    )
    func passive(type: String) { #expect(StoredContent.isPassive(type)) }

    @Test(
        "everything else is a download",
        arguments: [
            "text/html", "image/svg+xml", "application/xhtml+xml", "text/xml", "multipart/x-mixed-replace; boundary=x",
            "text/plain; charset=utf-7", "text/plain; x=y", "application/pdf", "text/javascript", "text/css", "", ";",
            "image/png, text/html", "text/plain; charset=utf-8; charset=utf-7",
        ]
    )
    func active(type: String) {
        #expect(!StoredContent.isPassive(type))
        #expect(StoredContent.fields(for: type)[.contentDisposition] == "attachment")
    }

    @Test("every item is in a sandbox, of its own type, and for the asking client alone")
    func fields() {
        for type in ["text/html", "text/plain"] {
            let fields = StoredContent.fields(for: type)
            #expect(fields[.contentSecurityPolicy] == "sandbox; default-src 'none'; frame-ancestors 'none'")
            #expect(fields[.xContentTypeOptions] == "nosniff")
            #expect(fields[.cacheControl] == "private, no-cache")
        }
    }
}
