import CMeasuredSection

/// A case that is set up: the operation, between two steps that aren't measured.
struct Operation {
    /// Makes what so many operations use up.
    var prepare: (_ count: Int) throws -> Void = { _ in }
    /// The operation, so many times.
    let run: (_ count: Int) throws -> Void
    /// Takes away what they have left.
    var finish: () throws -> Void = {}

    /// Performs a batch and counts its allocations.
    func measured(_ count: Int) throws -> measured_allocations {
        try prepare(count)
        let allocations = try MeasuredSection.run { try run(count) }
        try finish()
        return allocations
    }
}
