import Crypto
import SluiceCore

extension PrincipalID {
    /// The id of a principal by its name: the first eight bytes of its SHA-256, so that nobody can choose a name that has
    /// another's.
    init(_ name: String?) {
        guard let name else {
            self = .anonymous
            return
        }
        let digest = SHA256.hash(data: Array(name.utf8))
        let number = digest.prefix(8).reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        self.init(max(number, PrincipalID.server.rawValue + 1))
    }
}
