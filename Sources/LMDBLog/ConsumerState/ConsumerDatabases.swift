import ChangeQueue
import LMDB
import SluiceCore

/// The databases of the consumer state; docs/storage.md describes their keys and values.
struct ConsumerDatabases: Sendable {
    /// Most databases of the environment: two for all queues, one for each standard queue that is open.
    static let maximumCount = 8

    /// Name → number: the layout's version and the log that the state belongs to.
    let meta: Database
    /// A queue's name → what there is once: cursor and numbers of a standard queue, the whole state of a stream.
    let heads: Database

    /// Opens them, and creates them unless the environment is read-only.
    init(_ environment: Environment) throws(LMDBError) {
        meta = try environment.openDatabase("meta", options: .create)
        heads = try environment.openDatabase("heads", options: .create)
    }

    /// Opens the leases of a standard queue, first sequence number → lease, and creates them unless the environment is read-only.
    static func openLeases(of queue: QueueID, _ environment: Environment) throws(LMDBError) -> Database {
        try environment.openDatabase(leasesName(queue), options: [.create, .integerKey])
    }

    /// Opens the leases of a queue; nil when there are none.
    static func existingLeases(of queue: QueueID, _ environment: Environment) throws(LMDBError) -> Database? {
        do throws(LMDBError) {
            return try environment.openDatabase(leasesName(queue), options: .integerKey)
        } catch {
            guard error.code == .notFound else { throw error }
            return nil
        }
    }

    /// The two queues that there were first gave their databases their bare names.
    ///
    /// The prefix keeps any other queue's from being that of another database.
    static func leasesName(_ queue: QueueID) -> String {
        queue == .sqs || queue == .sns ? queue.name.string : "leases-" + queue.name.string
    }
}
