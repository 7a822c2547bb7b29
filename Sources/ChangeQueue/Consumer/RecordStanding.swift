/// Where a record that isn't retired stands.
struct RecordStanding: Hashable {
    var state: RecordState
    var receiveCount: Int
}
