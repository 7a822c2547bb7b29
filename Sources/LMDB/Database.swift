/// A named database of an ``Environment``: the handle that transactions take.
///
/// It is valid as long as its environment, and only there.
public struct Database: Sendable {
    /// Its name.
    public let name: String
    let identifier: UInt32
}
