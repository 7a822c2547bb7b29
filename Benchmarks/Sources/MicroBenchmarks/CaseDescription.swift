/// What a case is, for programs.
struct CaseDescription: Encodable {
    let suite: String
    let name: String
    let parts: [Part]
    let isSlowToMake: Bool

    init(_ one: MicroCase) {
        suite = one.suite
        name = one.name
        parts = one.parts
        isSlowToMake = one.isSlowToMake
    }
}
