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
    init(_ query: [(name: String, value: String)]) throws(APIError) {
        after = try HistoryQuery.after(query) ?? .none
        let maximumLimit = HistoryQuery.maximumLimit
        if let text = HistoryQuery.value("limit", query) {
            guard let number = Int(text), (1...maximumLimit).contains(number) else {
                throw APIError(
                    .invalidRequest,
                    "limit=\(text.printable(limit: 40)) is not a number from 1 to \(maximumLimit)."
                )
            }
            limit = number
        }
    }

    /// `after` alone; nil when it isn't there.
    /// - Throws: `InvalidRequest` when it isn't a number.
    static func after(_ query: [(name: String, value: String)]) throws(APIError) -> SequenceNumber? {
        guard let text = value("after", query) else { return nil }
        guard let number = UInt64(text) else {
            throw APIError(.invalidRequest, "after=\(text.printable(limit: 40)) is not a sequence number.")
        }
        return SequenceNumber(number)
    }

    private static func value(_ name: ByteString, _ query: [(name: String, value: String)]) -> String? {
        query.first { ByteString($0.name) == name }?.value
    }
}
