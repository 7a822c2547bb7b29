/// An answer and how long it is good.
struct KeptAnswer: Sendable {
    let answer: WebhookAnswer
    /// When it must be asked again, nanoseconds of the wall clock.
    let validUntilWallNanoseconds: UInt64
    /// When the connection that it allows ends, nanoseconds of the wall clock; nil for never.
    let expiresAtWallNanoseconds: UInt64?
}
