import GRDB
import SluiceCore

extension RegistryConnection {
    /// Removes what gateways that were removed have left, in transactions between which others write.
    func removeLeftovers(atMost limit: Int) throws {
        for gateway in try database.read({ try RegistryStatements($0).leavers() }) {
            var isLeft = true
            while isLeft {
                try database.inTransaction(.immediate) { db in
                    isLeft = try RegistryStatements(db).removeRest(of: gateway, atMost: limit)
                    return .commit
                }
            }
        }
    }
}
