import LMDB
import SluiceCore

/// The databases of the consumer state; docs/storage.md describes their keys and values.
struct ConsumerDatabases: Sendable {
    /// Name → number: the layout's version and the log that the state belongs to.
    let meta: Database
    /// Semantics → what there is once a consumer: cursor and numbers, or the whole state of `stream`.
    let heads: Database
    /// First sequence number → lease, of `sqs`.
    let sqs: Database
    /// First sequence number → lease, of `sns`.
    let sns: Database

    /// Opens them, and creates them unless the environment is read-only.
    init(_ environment: Environment) throws(LMDBError) {
        meta = try environment.openDatabase("meta", options: .create)
        heads = try environment.openDatabase("heads", options: .create)
        sqs = try environment.openDatabase("sqs", options: [.create, .integerKey])
        sns = try environment.openDatabase("sns", options: [.create, .integerKey])
    }
}
