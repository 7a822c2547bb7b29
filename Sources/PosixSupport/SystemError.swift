import Glibc

/// What the system refused: on what, and why.
///
/// The layer above says what to do about it, in an error of its own.
package struct SystemError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What couldn't be done with what, such as `The lock /data/open.lock can't be used`.
    package let operation: String
    /// The system's reason (`errno`).
    package let number: CInt

    /// Makes an error of the last call's `errno`, or of a number that was kept.
    package init(_ operation: String, _ number: CInt = errno) {
        self.operation = operation
        self.number = number
    }

    /// The reason as text.
    package var reason: String { SystemError.text(of: number) }

    /// Operation and reason, without a full stop.
    package var description: String { "\(operation): \(reason)" }

    /// What a number of `errno` means.
    package static func text(of number: CInt) -> String { String(cString: strerror(number)) }

    /// What the last call of this thread that failed said.
    package static var lastReason: String { text(of: errno) }
}

/// This process as the system knows it.
package enum ThisProcess {
    /// Its number.
    package static var id: Int32 { getpid() }
    /// The number of the user that it acts as.
    package static var userID: UInt32 { geteuid() }
}
