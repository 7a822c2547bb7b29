import Logging
import PosixSupport
import SluiceCore

/// A file with keys.
///
/// Reads are blocking and short: key files are small, and are read at start and after a change.
struct KeyFile: Sendable {
    /// Largest file that is read, bytes.
    static let maximumBytes = 1024 * 1024

    let path: String

    /// What changes when the file is written or replaced; nil when there is no such file.
    var stamp: FileStamp? { FileStamp(path: path) }

    /// Whether others than the file's owner and group may read it.
    var isWorldReadable: Bool { stamp?.isWorldReadable ?? false }

    /// The file's bytes.
    /// - Throws: ``AuthorizerConfigurationError`` with code `unreadableFile`.
    func read() throws(AuthorizerConfigurationError) -> [UInt8] {
        let bytes: [UInt8]?
        do throws(SystemError) {
            bytes = try SmallFile.read(path, maximumBytes: KeyFile.maximumBytes)
        } catch {
            throw unreadable(error.reason)
        }
        guard let bytes else {
            throw unreadable("it is larger than \(KeyFile.maximumBytes) bytes, so it can't be a key file")
        }
        return bytes
    }

    private func unreadable(_ reason: String) -> AuthorizerConfigurationError {
        AuthorizerConfigurationError(.unreadableFile, "The key file '\(path)' can't be read: \(reason).")
    }
}

extension Logger {
    /// Says that a secret isn't one for the machine's other users.
    func warnOfReadableSecret(_ what: String, path: String) {
        warning("Everyone on this machine can read \(what); chmod 600 it", metadata: ["path": "\(path)"])
    }
}

/// A key of another kind where a secret is wanted.
///
/// A public key used as an HMAC secret is a secret that everybody knows: whoever has the key could sign tokens (RFC 8725, section 2.1).
enum MisplacedKey: String {
    case pem = "a key or certificate in PEM"
    case ssh = "an SSH key"
    case json = "a JSON Web Key"
    case der = "a key or certificate in DER"

    /// What `secret` is instead; nil when it may be a secret.
    init?(in secret: [UInt8]) {
        let text = secret.drop { $0 == 0x20 || (0x09...0x0D).contains($0) || [0xEF, 0xBB, 0xBF].contains($0) }
        let sshNames = ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-", "---- BEGIN SSH2", "PuTTY-User-Key-File"]
        if MisplacedKey.isMarked(text) || MisplacedKey.isMarked(MisplacedKey.decoded(text)[...]) {
            self = .pem
        } else if sshNames.contains(where: { text.starts(with: $0.utf8) }) {
            self = .ssh
        } else if let value = try? JSONValue(secret), value.kind == .object || value.kind == .array {
            self = .json
        } else if MisplacedKey.isDER(secret) || MisplacedKey.isDER(MisplacedKey.decoded(text)) {
            self = .der
        } else {
            return nil
        }
    }

    /// Whether PEM begins anywhere in the text (RFC 7468, section 2), in letters of either case: tools write comments and a key's parts before it.
    private static func isMarked(_ text: ArraySlice<UInt8>) -> Bool {
        let mark = Array("-----begin ".utf8)
        return text.indices.contains { index in
            text.endIndex - index >= mark.count && zip(text[index...], mark).allSatisfy { $0.lowercasedASCII == $1 }
        }
    }

    /// Whether the bytes are one DER sequence from begin to end (X.690, section 8.1), as every key and certificate is; random bytes are not.
    private static func isDER(_ bytes: [UInt8]) -> Bool {
        guard bytes.count >= 16, bytes[0] == 0x30 else { return false }
        if bytes[1] < 0x80 { return Int(bytes[1]) + 2 == bytes.count && bytes[2] < 0x40 }
        let lengthBytes = Int(bytes[1] & 0x7F)
        guard (1...4).contains(lengthBytes) else { return false }
        let length = bytes[2..<2 + lengthBytes].reduce(0) { $0 << 8 | Int($1) }
        return length + 2 + lengthBytes == bytes.count
    }

    private static func decoded(_ text: ArraySlice<UInt8>) -> [UInt8] {
        let characters = text.filter { $0 != 0x0A && $0 != 0x0D }
        // "M" begins the base64 of DER, "LS0t" that of PEM.
        return characters.starts(with: "M".utf8) || characters.starts(with: "LS0t".utf8)
            ? Base64.decode(Array(characters)) ?? [] : []
    }
}
