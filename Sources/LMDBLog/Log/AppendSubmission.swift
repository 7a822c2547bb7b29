import ChangeQueue

/// What one call of `submit` handed over.
struct AppendSubmission: Sendable {
    let client: any AppendClient
    let requests: [(token: UInt64, request: AppendRequest)]
    let bytes: Int
}
