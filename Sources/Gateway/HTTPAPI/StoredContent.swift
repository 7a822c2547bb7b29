import HTTPTypes
import SluiceCore

/// How an item's content, which any client may have written, is sent so that it does nothing in the gateway's origin.
enum StoredContent {
    /// The fields beside its own type: a sandbox without scripts for whoever opens it as a page, no guessing of other types,
    /// no shared cache, and, unless the type is one that browsers only show, a download.
    static func fields(for contentType: String) -> HTTPFields {
        var fields = HTTPAnswer.sameOriginOnly
        fields[.contentSecurityPolicy] = "sandbox; default-src 'none'; frame-ancestors 'none'"
        fields[.xContentTypeOptions] = "nosniff"
        // Kept by the asking client alone, and asked for again with its ETag.
        fields[.cacheControl] = "private, no-cache"
        if !isPassive(contentType) { fields[.contentDisposition] = "attachment" }
        return fields
    }

    /// Whether browsers show a type without running anything: these and no other.
    ///
    /// Parameters make it another type, for `charset=utf-7` makes text to script; but UTF-8, which is what JSON and text
    /// usually say.
    static func isPassive(_ contentType: String) -> Bool {
        let parts = ByteString(contentType).lowercasedASCII.split(separator: ";").map(trimmed)
        guard let type = parts.first else { return false }
        guard parts.dropFirst().allSatisfy({ $0 == "charset=utf-8" || $0 == "charset=\"utf-8\"" }) else { return false }
        return passive.contains(type)
    }

    private static let passive: Set<ByteString> = [
        "application/json", "application/octet-stream", "text/plain", "image/png", "image/jpeg", "image/gif",
        "image/webp",
        "image/avif", "audio/mpeg", "audio/mp4", "audio/ogg", "audio/wav", "audio/webm", "audio/flac", "video/mp4",
        "video/ogg", "video/webm",
    ]

    private static func trimmed(_ text: ByteString) -> ByteString {
        let isSpace: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 }
        var bytes = Array(text.utf8.drop(while: isSpace))
        while let last = bytes.last, isSpace(last) { bytes.removeLast() }
        return ByteString(decoding: bytes)
    }
}
