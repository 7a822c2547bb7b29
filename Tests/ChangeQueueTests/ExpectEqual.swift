import Testing

/// `#expect(value == expected)` for a value that a mutating method gives: the macro would call the method on a
/// constant.
func expectEqual<Value: Equatable>(
    _ value: Value,
    _ expected: Value,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(value == expected, sourceLocation: sourceLocation)
}
