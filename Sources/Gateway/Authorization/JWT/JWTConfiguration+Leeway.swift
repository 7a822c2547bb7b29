import SluiceCore

extension JWTConfiguration {
    /// The leeway in the unit of the wall clock.
    var leewayNanoseconds: UInt64 { leeway.wholeNanoseconds }
}
