/// Something that is measured.
struct MicroCase: Sendable {
    /// The suite's name.
    let suite: String
    /// Its name within the suite.
    let name: String
    /// Operations that are measured together, since one alone is too short for the clock.
    var batch = 1
    /// What one operation is made of; figures are given for each of these too.
    var parts: [Part] = []
    /// Whether setting it up takes seconds: fifty times as long under Callgrind.
    var isSlowToMake = false
    /// Sets everything up; not measured.
    let make: @Sendable () throws -> Operation

    /// What the command line and the results call it.
    var fullName: String { "\(suite)/\(name)" }
}
