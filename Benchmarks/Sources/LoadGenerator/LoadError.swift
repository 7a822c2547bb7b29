/// What ends a load run.
enum LoadError: Error, CustomStringConvertible {
    /// A socket couldn't be made or connected; errno.
    case cannotOpenSocket(Int32)
    /// The server refused a connection or a publish; what it said.
    case refused(String)
    /// Not everything was connected and subscribed in time.
    case notUp(ready: Int, of: Int)
    /// Arguments that don't go together.
    case usage(String)
    /// LMDB's code.
    case storage(Int32)

    var description: String {
        switch self {
        case .cannotOpenSocket(let code): "no socket: errno \(code)"
        case .refused(let answer): "refused: \(answer)"
        case .notUp(let ready, let count): "only \(ready) of \(count) connections were subscribed in time"
        case .usage(let text): text
        case .storage(let code): "LMDB: code \(code)"
        }
    }
}
