/// Finds some of an object's members while it is walked over, within the limits on objects that are interpreted.
struct JSONMemberSearch {
    private let names: [ByteString]
    private let isUnique: Bool
    private var ranges: [Range<Int>?]
    private var count = 0
    private var fault: JSONError?

    init(_ names: [ByteString], isUnique: Bool) {
        self.names = names
        self.isUnique = isUnique
        ranges = Array(repeating: nil, count: names.count)
    }

    /// Takes the next member; false when the walk is over because of it.
    mutating func visit(_ key: ArraySlice<UInt8>, _ value: Range<Int>) -> Bool {
        count += 1
        guard count <= Limits.jsonMembers else { return refuse(.tooManyMembers(Limits.jsonMembers)) }
        guard JSONString.isKeyShort(key) else { return refuse(.longKey) }
        guard let place = names.firstIndex(where: { JSONString.resolves(key, to: $0) }) else { return true }
        if isUnique, ranges[place] != nil {
            return refuse(JSONError(.duplicateMember, "The JSON's member '\(names[place])' stands there twice."))
        }
        ranges[place] = value
        return true
    }

    /// What was found, in the order of the names.
    /// - Throws: ``JSONError`` when a limit was broken.
    func values(in text: [UInt8]) throws(JSONError) -> [JSONValue?] {
        if let fault { throw fault }
        return ranges.map { $0.map { JSONValue(text: text, range: $0) } }
    }

    private mutating func refuse(_ error: JSONError) -> Bool {
        fault = error
        return false
    }
}
