import CMeasuredSection

/// The stretch of a run that counts.
enum MeasuredSection {
    private struct Call {
        let body: () throws -> Void
        var failure: (any Error)?
    }

    /// Calls `body` from a function that Callgrind can recognize by its name, and counts what it allocates on this thread.
    static func run(_ body: () throws -> Void) throws -> measured_allocations {
        try withoutActuallyEscaping(body) { body in
            var call = Call(body: body)
            let allocations = withUnsafeMutablePointer(to: &call) { call in
                measured_section(
                    { context in
                        guard let call = context?.assumingMemoryBound(to: Call.self) else { return }
                        do { try call.pointee.body() } catch { call.pointee.failure = error }
                    },
                    call
                )
            }
            if let failure = call.failure { throw failure }
            return allocations
        }
    }

    /// Makes the optimizer believe that somebody wants the value.
    @inline(__always)
    static func keep<Value>(_ value: Value) { withUnsafePointer(to: value) { measured_keep($0) } }
}
