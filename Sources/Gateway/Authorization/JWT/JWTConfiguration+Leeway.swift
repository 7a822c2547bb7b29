extension JWTConfiguration {
    /// The leeway in the unit of the wall clock; the authorizer has checked that it is small.
    var leewayNanoseconds: UInt64 {
        let (seconds, attoseconds) = leeway.components
        return UInt64(max(seconds, 0)) &* 1_000_000_000 &+ UInt64(max(attoseconds, 0) / 1_000_000_000)
    }
}
