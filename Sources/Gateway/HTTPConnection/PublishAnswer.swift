import SluiceCore

/// The answer to a publish, before it is written out.
enum PublishAnswer: Equatable {
    /// The record is committed.
    case accepted(SequenceNumber)
    /// All records of the batch are committed, in one commit.
    case acceptedBatch([SequenceNumber])
    /// Nothing was stored. `status` replaces the code's own; `closes`: the rest of the request can't be read.
    case refused(APIError, status: Int? = nil, closes: Bool = false)

    /// Whether the connection can't be used after this answer.
    var closes: Bool {
        if case .refused(_, _, let closes) = self { closes } else { false }
    }
}
