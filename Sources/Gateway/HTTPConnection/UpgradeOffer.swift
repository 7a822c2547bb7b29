import NIOHTTP1
import SluiceCore

/// Whether a request offers another protocol, behind which NIO's decoder reads nothing: it can't know that the offer isn't taken.
enum UpgradeOffer: Equatable {
    /// The decoder goes on behind the request.
    case none
    /// It surely stops there, so that another decoder can read what follows.
    case clear
    /// It may stop there or not: nobody knows where what follows would be read from.
    case unclear

    init(_ head: HTTPRequestHead, _ fields: PublishHead) {
        guard head.method != .CONNECT else {
            self = .unclear
            return
        }
        let connection = head.headers["connection"]
        let isOld = head.headers.contains(name: "proxy-connection")
        guard fields.offersUpgrade, !connection.isEmpty || isOld else {
            self = .none
            return
        }
        // The form that clients send; the decoder's reading of stranger ones isn't copied here.
        let isPlain = connection.count == 1 && connection[0].utf8.allSatisfy(UpgradeOffer.isPlain)
        let isNamed = head.headers.elements(of: "connection").contains { $0.equalsIgnoringASCIICase("upgrade") }
        let isFilled = head.headers["upgrade"].allSatisfy { !$0.trimmed.isEmpty }
        self = isPlain && isNamed && isFilled && !isOld ? .clear : .unclear
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        (0x61...0x7A).contains(byte | 0x20) || (0x30...0x39).contains(byte) || byte == UInt8(ascii: "-")
            || byte == UInt8(ascii: ",") || byte == 0x20
    }
}
