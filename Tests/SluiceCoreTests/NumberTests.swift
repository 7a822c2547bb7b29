import SluiceCore
import Testing

@Suite struct NumberTests {
    @Test("a sum that doesn't fit is the largest number")
    func saturatingAdd() {
        #expect(UInt64(1).saturatingAdd(2) == 3)
        #expect(UInt64.max.saturatingAdd(1) == .max)
    }

    @Test("a duration's nanoseconds are clamped at both ends")
    func wholeNanoseconds() {
        #expect(Duration.milliseconds(1_500).wholeNanoseconds == 1_500_000_000)
        #expect(Duration.seconds(-1).wholeNanoseconds == 0)
        #expect(Duration.seconds(Int64.max).wholeNanoseconds == .max)
    }
}
