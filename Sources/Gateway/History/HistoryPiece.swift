import NIOCore

/// Frames of some records of a history.
struct HistoryPiece: Sendable {
    /// The frames, for one connection.
    let frames: ByteBuffer
    /// Records that they stand for, trimmed ones included.
    let count: Int
}
