/// Something that an operation has several of, such as the records of a commit.
struct Part: Codable, Sendable {
    /// What it is called.
    let unit: String
    /// How many there are.
    let count: Int
}
