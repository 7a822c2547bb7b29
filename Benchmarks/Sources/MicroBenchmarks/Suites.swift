/// All cases.
enum Suites {
    /// In the order in which the files of a record's way stand in docs/architecture.md.
    static let all: [MicroCase] =
        PayloadChecks.cases + LogAppend.cases + Codec.cases + Resolve.cases + FrameEncode.cases + FanOutLoop.cases
}
