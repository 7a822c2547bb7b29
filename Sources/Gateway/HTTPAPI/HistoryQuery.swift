import Hummingbird
import SluiceCore

/// `?after=&limit=` of a history request.
struct HistoryQuery: Equatable {
    /// Only records after this one.
    var after = SequenceNumber.none
    /// Most records in the answer.
    var limit = 100

    /// Most records that one answer brings.
    static let maximumLimit = 1_000

    init() {}

    /// Reads the parameters.
    /// - Throws: `InvalidRequest` when one isn't a number or the limit is out of range.
    init(_ parameters: Parameters) throws(APIError) {
        if let text = parameters["after"] {
            guard let number = UInt64(text) else {
                throw APIError(
                    .invalidRequest,
                    "after=\(text.description.printable(limit: 40)) is not a sequence number."
                )
            }
            after = SequenceNumber(number)
        }
        let maximumLimit = HistoryQuery.maximumLimit
        if let text = parameters["limit"] {
            guard let number = Int(text), (1...maximumLimit).contains(number) else {
                throw APIError(
                    .invalidRequest,
                    "limit=\(text.description.printable(limit: 40)) is not a number from 1 to \(maximumLimit)."
                )
            }
            limit = number
        }
    }
}
