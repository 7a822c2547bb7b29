import Testing

@testable import sluice

@Suite("DurationText and ByteCount")
struct UnitTextTests {
    @Test(
        "durations are read with their unit",
        arguments: [("250ms", 250), ("30s", 30_000), ("5m", 300_000), ("24h", 86_400_000), ("0", 0)]
    )
    func durations(text: String, milliseconds: Int) {
        #expect(DurationText.parse(text) == .milliseconds(milliseconds))
        #expect(DurationText.parse(DurationText.text(.milliseconds(milliseconds))) == .milliseconds(milliseconds))
    }

    @Test(
        "what is no duration is refused",
        arguments: ["", "5", "s", "-1s", "5 s", "1.5s", "9223372036854775807h", "5S"]
    )
    func notDurations(text: String) {
        #expect(DurationText.parse(text) == nil)
    }

    @Test(
        "sizes are read with or without a unit",
        arguments: [("65536", 65_536), ("64KiB", 65_536), ("1MiB", 1 << 20), ("16GiB", 16 << 30), ("7B", 7)]
    )
    func sizes(text: String, bytes: Int) {
        #expect(ByteCount.parse(text) == bytes)
        #expect(ByteCount.parse(ByteCount.text(bytes)) == bytes)
    }

    @Test("what is no size is refused", arguments: ["", "KiB", "-1", "1kb", "1.5MiB", "9223372036854775807TiB"])
    func notSizes(text: String) {
        #expect(ByteCount.parse(text) == nil)
    }
}
