import Testing

@testable import SluiceCore

@Suite("LogEpochs")
struct LogEpochsTests {
    private let first = LogEpoch(rawValue: 1)
    private let second = LogEpoch(rawValue: 2)
    private let third = LogEpoch(rawValue: 3)

    /// Records 1 to 20 in the first epoch, none in the second, from 21 on in the third.
    private var epochs: LogEpochs {
        LogEpochs([
            LogEpochs.Beginning(epoch: first, first: SequenceNumber(1)),
            LogEpochs.Beginning(epoch: second, first: SequenceNumber(21)),
            LogEpochs.Beginning(epoch: third, first: SequenceNumber(21)),
        ])
    }

    private func point(_ after: UInt64, _ epoch: LogEpoch?, head: UInt64 = 30, last: UInt64 = 40) -> ResumePoint {
        claimed(after, epoch.map { EpochClaim(ByteString($0.description)) }, head, last)
    }

    private func claimed(_ after: UInt64, _ claim: EpochClaim?, _ head: UInt64 = 30, _ last: UInt64 = 40) -> ResumePoint
    {
        epochs.resume(after: SequenceNumber(after), of: claim, head: SequenceNumber(head)) { SequenceNumber(last) }
    }

    @Test("a position is good up to the end of its epoch, and differs from there on")
    func ended() {
        #expect(epochs.current == third)
        #expect(point(20, first) == .known(SequenceNumber(20)))
        #expect(point(25, first) == .diverged(after: SequenceNumber(20)))
        #expect(point(20, second) == .known(SequenceNumber(20)))
        #expect(point(21, second) == .diverged(after: SequenceNumber(20)))
    }

    @Test("a position of the current epoch is good up to the log's newest number, also above the topic's")
    func current() {
        #expect(point(25, third) == .known(SequenceNumber(25)))
        #expect(point(35, third) == .known(SequenceNumber(35)))
        #expect(point(41, third) == .diverged(after: SequenceNumber(40)))
    }

    @Test("of an epoch that the log doesn't know everything differs, but for the beginning of all")
    func unknown() {
        #expect(point(5, LogEpoch(rawValue: 9)) == .diverged(after: .none))
        #expect(point(0, LogEpoch(rawValue: 9)) == .known(.none))
        #expect(point(5, .unknown) == .diverged(after: .none))
        let unwritten = LogEpochs([]).resume(after: SequenceNumber(5), of: EpochClaim(""), head: .none) { .none }
        #expect(unwritten == .diverged(after: .none))
    }

    @Test("a bare number is taken for this log's unless it is above the topic's newest")
    func bare() {
        #expect(point(30, nil) == .known(SequenceNumber(30)))
        #expect(point(31, nil) == .foreign)
    }

    @Test("of an epoch that the log doesn't know the last one before it that both have counts")
    func ancestors() {
        // Two epochs after the first that this log never had: the client's history left the first one's at 11.
        let lost = [(first, 1), (LogEpoch(rawValue: 7), 11), (LogEpoch(rawValue: 8), 15)].map {
            LogEpochs.Beginning(epoch: $0.0, first: SequenceNumber($0.1))
        }
        let claim = EpochClaim(ByteString(LogEpochs(lost).text))
        #expect(claimed(30, claim) == .diverged(after: SequenceNumber(10)))
        #expect(claimed(9, claim) == .known(SequenceNumber(9)))
        let beyond = EpochClaim(
            ByteString(LogEpochs([lost[0], .init(epoch: LogEpoch(rawValue: 7), first: SequenceNumber(26))]).text)
        )
        #expect(claimed(30, beyond) == .diverged(after: SequenceNumber(20)))
    }

    @Test("it is written in digits, reads back, and names four before it in which records were given")
    func text() {
        #expect(LogEpoch(rawValue: 0xAB).description == "00000000000000ab")
        #expect(epochs.text == "0000000000000003.15.0000000000000001")
        let many = (1...20).map { LogEpochs.Beginning(epoch: LogEpoch(rawValue: $0), first: SequenceNumber($0 * 16)) }
        let text = LogEpochs(many).text
        #expect(text.split(separator: ".").count == 9)
        #expect(EpochClaim(ByteString(text)).text == text)
    }

    @Test(
        "text that no log wrote names no epoch",
        arguments: [
            "", ".", "zz", "+1", "00000000000000AB", "1.2.3.4.5.6.7.8.9.a.b", String(repeating: "1", count: 300),
        ]
    )
    func foreignText(text: String) {
        let other = LogEpochs([LogEpochs.Beginning(epoch: LogEpoch(rawValue: 0xFF), first: SequenceNumber(1))])
        let point = other.resume(after: SequenceNumber(5), of: EpochClaim(ByteString(text)), head: SequenceNumber(9)) {
            .none
        }
        #expect(point == .diverged(after: .none))
    }
}
