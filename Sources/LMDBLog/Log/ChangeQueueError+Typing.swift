import ChangeQueue
import Glibc
import LMDB
import PosixSupport
import SluiceCore

extension ChangeQueueError {
    /// Types whatever came out of a transaction.
    /// - Parameters:
    ///   - error: what was thrown; an error of this type is kept as it is.
    ///   - operation: what was being done, such as `"append"`.
    init(_ error: any Error, during operation: String) {
        switch error {
        case let error as ChangeQueueError: self = error
        case let error as LMDBError: self.init(error, during: operation)
        case let error as RecordCodecError:
            self.init(.corruptRecord, "Could not \(operation): \(error). The log is damaged; restore it from a copy.")
        case let error as TopicError: self.init(.invalidTopic, error.message)
        case let error as JSONError: self.init(.invalidItem, error.message)
        case let error as SystemError: self.init(error)
        default: self.init(.corruptRecord, "Could not \(operation): \(error).")
        }
    }

    private init(_ error: LMDBError, during operation: String) {
        switch error.code {
        case .mapFull:
            self.init(.logFull, "Could not \(operation): the map is full. Raise its size or shorten the retention.")
        case .system(ENOSPC), .system(EDQUOT):
            self.init(.logFull, "Could not \(operation): the disk is full. Free space on it.")
        case .system(let number)
        where [EAGAIN, EACCES].contains(number) && error.operation.utf8.starts(with: "begin a transaction".utf8):
            // LMDB tells its processes apart by their numbers, which a PID namespace gives out anew.
            self.init(
                .locked,
                """
                Could not \(operation): another process with the number of this one, \(getpid()), has it open. That happens where gateway and \
                publisher run in containers of their own. Let them share one PID namespace (docker run --pid, shareProcessNamespace in \
                Kubernetes), or run both in one container with 'sluice up' (docs/operations.md, "Containers").
                """
            )
        case .alreadyOpen:
            self.init(.locked, "Could not \(operation): \(error). Share the one that is open.")
        case .versionMismatch, .invalid:
            self.init(
                .versionMismatch,
                "Could not \(operation): \(error). It was not written by this version of Sluice."
            )
        default:
            self.init(.storage, "Could not \(operation): \(error).")
        }
    }

    /// Runs `body` and types whatever it throws.
    static func typing<Result>(
        _ operation: @autoclosure () -> String,
        _ body: () throws -> Result
    ) throws(ChangeQueueError) -> Result {
        do { return try body() } catch { throw ChangeQueueError(error, during: operation()) }
    }
}

extension ChangeQueueError {
    /// What the system refused while a directory was opened or a lock taken.
    init(_ error: SystemError) {
        self.init(.cannotOpen, "\(error). Check that this user may write there.")
    }

    /// Runs `body` and types what the system refuses.
    static func onSystem<Result>(_ body: () throws(SystemError) -> Result) throws(ChangeQueueError) -> Result {
        do throws(SystemError) { return try body() } catch { throw ChangeQueueError(error) }
    }
}
