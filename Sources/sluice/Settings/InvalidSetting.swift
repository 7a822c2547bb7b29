import SluiceCore

/// A value that a setting can't have.
struct InvalidSetting: Error, Equatable, CustomStringConvertible {
    let description: String

    init(_ value: String, _ expected: String) {
        description = "'\(value.printable(limit: 80))' is not \(expected)"
    }
}
