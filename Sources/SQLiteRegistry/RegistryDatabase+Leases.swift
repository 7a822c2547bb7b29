public import SluiceCore
public import SubscriptionRegistry

extension RegistryDatabase {
    /// Writes a publisher's row with a new lease and removes the rows of publishers whose lease has lapsed.
    ///
    /// To be called at the start and then every `RegistryConfiguration.renewalNanoseconds`.
    /// - Throws: `RegistryError` when the file can't be written.
    public func renew(_ publisher: PublisherRow) throws(RegistryError) {
        let now = file.configuration.wallNanoseconds()
        var publisher = publisher
        publisher.leaseExpiresAtNanoseconds = now &+ file.configuration.leaseNanoseconds
        try write("renew a publisher's lease") { [publisher] db in
            try RegistryStatements(db).renew(publisher, nowNanoseconds: now)
        }
    }

    /// Removes a publisher's row, at its end.
    /// - Throws: `RegistryError` when the file can't be written.
    public func remove(publisher id: String) throws(RegistryError) {
        try write("remove a publisher") { db in try RegistryStatements(db).remove(publisher: id) }
    }

    /// Removes gateways with everything they wrote, each only if its lease is still the one given.
    /// - Returns: those that were removed.
    func remove(_ lapsed: [LeaseWatch.Lapse]) throws(RegistryError) -> [GatewayID] {
        try write("remove lapsed gateways") { db in
            let statements = RegistryStatements(db)
            let removed = try lapsed.filter { lapse in
                try statements.remove(lapse.gateway, ifLeaseIs: lapse.leaseExpiresAtNanoseconds)
            }
            return removed.map(\.gateway)
        }
    }
}
