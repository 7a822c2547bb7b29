import NIOHTTP1
import SluiceCore

extension HTTPHeaders {
    /// The elements of a field that is a list (RFC 9110, section 5.6.1), of all its lines, without the white space around them.
    ///
    /// NIO's own way splits at characters, and a comma with a combining mark behind it is none.
    func elements(of name: String) -> [ByteString] {
        self[name].flatMap { value in
            value.utf8.split(separator: UInt8(ascii: ",")).compactMap { element in
                let isSpace = { (byte: UInt8) in byte == 0x20 || byte == 0x09 }
                let bytes = Array(element.drop(while: isSpace))
                let end = bytes.lastIndex { !isSpace($0) }
                return end.map { ByteString(decoding: bytes[...$0]) }
            }
        }
    }
}

extension String {
    /// A field's value without the white space around it, which belongs to the field's line (RFC 9110, section 5.5); the parser cuts off only
    /// what is in front.
    var trimmed: String {
        let isSpace = { (byte: UInt8) in byte == 0x20 || byte == 0x09 }
        guard utf8.first.map(isSpace) == true || utf8.last.map(isSpace) == true else { return self }
        let bytes = Array(utf8.drop(while: isSpace))
        let end = bytes.lastIndex { !isSpace($0) }
        return end.map { String(decoding: bytes[...$0], as: UTF8.self) } ?? ""
    }
}
