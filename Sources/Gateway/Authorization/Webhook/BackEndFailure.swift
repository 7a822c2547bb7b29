/// Why the back end gave no answer; for the log, not for clients.
struct BackEndFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
