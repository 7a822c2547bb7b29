import ChangeQueue
import LMDB

/// The databases of the change log; docs/storage.md describes their keys and values.
struct LogDatabases: Sendable {
    /// Sequence number → encoded record.
    let records: Database
    /// ``MetaKey`` → number.
    let meta: Database
    /// Topic → sequence number of its newest record, saved now and then.
    let heads: Database
    /// ``ItemKey`` → stored item.
    let items: Database
    /// Principal → bytes of the items that it wrote last; nil when a log of layout 1 is only read.
    let itemOwners: Database?

    /// Opens them, and creates them unless the environment is read-only.
    init(_ environment: Environment) throws(LMDBError) {
        records = try environment.openDatabase("records", options: [.create, .integerKey])
        meta = try environment.openDatabase("meta", options: .create)
        heads = try environment.openDatabase("heads", options: .create)
        items = try environment.openDatabase("items", options: .create)
        do throws(LMDBError) {
            itemOwners = try environment.openDatabase("itemOwners", options: [.create, .integerKey])
        } catch  where error.code == .notFound && environment.options.contains(.readOnly) {
            itemOwners = nil
        }
    }
}
