@testable import ChangeQueue
@testable import SluiceCore

/// A commit as the writer's thread does it, sync included: sort what was submitted, chain, encode, store, and sort the outcomes.
enum LogAppend {
    static let cases = [1, 64, 256].map { records in
        MicroCase(
            suite: "log append",
            name: records == 1 ? "commit of 1 record" : "commit of \(records) records",
            parts: [Part(unit: "record", count: records)]
        ) {
            let log = try OpenLog(recordsInACommit: records)
            return Operation(prepare: log.submit, run: log.commit)
        }
    }
}
