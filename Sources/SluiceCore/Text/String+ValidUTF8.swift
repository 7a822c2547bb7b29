extension String {
    /// Text from memory that must be UTF-8 (RFC 3629); nil when it isn't.
    ///
    /// `String(validating:as:)` does the same for any collection in any encoding, and looks its types up at run time, each time.
    package init?(validUTF8 bytes: UnsafeRawBufferPointer) {
        let text = bytes.withMemoryRebound(to: UInt8.self) { bytes -> String? in
            guard let span = try? UTF8Span(validating: bytes.span) else { return nil }
            return String(copying: span)
        }
        guard let text else { return nil }
        self = text
    }
}
