import SluiceCore
import Testing

@testable import Gateway

@Suite("ConnectionWatch")
struct ConnectionWatchTests {
    private func verdict(_ watch: inout ConnectionWatch, _ now: UInt64) -> ConnectionWatch.Verdict {
        watch.verdict(now: now, pingAfter: 25, idleAfter: 60, messageAfter: 300)
    }

    @Test("pings once a silence and closes when it lasts")
    func silence() {
        var watch = ConnectionWatch(now: 100, expiresAt: nil)
        #expect(verdict(&watch, 124) == .nothing)
        #expect(verdict(&watch, 125) == .ping)
        #expect(verdict(&watch, 130) == .nothing)
        watch.heard(now: 131)
        #expect(verdict(&watch, 155) == .nothing)
        #expect(verdict(&watch, 156) == .ping)
        #expect(verdict(&watch, 190) == .nothing)
        #expect(verdict(&watch, 191) == .close(.idleTimeout))
    }

    @Test("closes nobody whom it hasn't pinged, however long the gateway stood still, and gives the answer its time")
    func frozen() {
        var watch = ConnectionWatch(now: 100, expiresAt: nil)
        #expect(verdict(&watch, 10_000) == .ping)
        #expect(verdict(&watch, 10_034) == .nothing)
        watch.heard(now: 10_034)
        #expect(verdict(&watch, 10_040) == .nothing)
        #expect(verdict(&watch, 20_000) == .ping)
        #expect(verdict(&watch, 20_035) == .close(.idleTimeout))
    }

    @Test("ends with the token")
    func expiry() {
        var watch = ConnectionWatch(now: 100, expiresAt: 110)
        #expect(verdict(&watch, 109) == .nothing)
        #expect(verdict(&watch, 110) == .close(.tokenExpired))
    }

    @Test("ends with the drain, unless the token ends before")
    func drain() {
        var watch = ConnectionWatch(now: 100, expiresAt: 110)
        watch.drain(at: 105)
        #expect(verdict(&watch, 105) == .close(.goingAway))
        var sooner = ConnectionWatch(now: 100, expiresAt: 103)
        sooner.drain(at: 105)
        #expect(verdict(&sooner, 103) == .close(.tokenExpired))
    }

    @Test("isn't confused by a clock that stands or goes back")
    func clock() {
        var watch = ConnectionWatch(now: 100, expiresAt: nil)
        #expect(verdict(&watch, 100) == .nothing)
        #expect(verdict(&watch, 1) == .nothing)
    }

    @Test("gives a message its time, however it arrives")
    func slowMessage() {
        var watch = ConnectionWatch(now: 0, expiresAt: nil)
        for time in stride(from: UInt64(10), to: 310, by: 20) {
            watch.heard(now: time)
            watch.message(.open, now: time)
            #expect(verdict(&watch, time + 19) == .nothing)
        }
        #expect(verdict(&watch, 310) == .close(.messageTimeout))
        watch.message(.none, now: 310)
        watch.message(.open, now: 310)
        #expect(verdict(&watch, 311) == .nothing)
    }
}

@Suite("ConnectionWatch's warnings")
struct ConnectionWarningTests {
    private let second: UInt64 = 1_000_000_000

    private func look(_ watch: inout ConnectionWatch, at seconds: UInt64) -> ConnectionWatch.Verdict {
        watch.heard(now: seconds * second)
        return watch.verdict(now: seconds * second, pingAfter: .max, idleAfter: .max, messageAfter: .max)
    }

    @Test("the token's end is told once, a while before, and again for another token")
    func token() {
        var watch = ConnectionWatch(now: 0, expiresAt: 100 * second, tokenWarning: 30 * second)
        #expect(look(&watch, at: 69) == .nothing)
        #expect(look(&watch, at: 71) == .warn(.tokenEnds(inSeconds: 29)))
        #expect(look(&watch, at: 72) == .nothing)
        watch.renewed(expiresAt: 200 * second, warning: 30 * second, now: 80 * second)
        #expect(look(&watch, at: 100) == .nothing)
        #expect(look(&watch, at: 180) == .warn(.tokenEnds(inSeconds: 20)))
        #expect(look(&watch, at: 200) == .close(.tokenExpired))
        watch.renewed(expiresAt: nil, warning: 30 * second, now: 200 * second)
        #expect(look(&watch, at: 9_000) == .nothing)
    }

    @Test("of a short life half is over before its end is told")
    func shortLife() {
        var watch = ConnectionWatch(now: 10 * second, expiresAt: 14 * second, tokenWarning: 60 * second)
        #expect(look(&watch, at: 11) == .nothing)
        #expect(look(&watch, at: 12) == .warn(.tokenEnds(inSeconds: 2)))
    }

    @Test("age ends a connection with a word before, and what comes first ends it")
    func age() {
        var watch = ConnectionWatch(now: 0, expiresAt: nil, tooOldAt: 50 * second, ageWarning: 10 * second)
        #expect(look(&watch, at: 41) == .warn(.connectionEnds(inSeconds: 9)))
        #expect(look(&watch, at: 50) == .close(.connectionTooOld))
        watch.drain(at: 45 * second)
        #expect(look(&watch, at: 50) == .close(.goingAway))
        var other = ConnectionWatch(now: 0, expiresAt: 40 * second, tooOldAt: 50 * second)
        other.drain(at: 45 * second)
        #expect(look(&other, at: 60) == .close(.tokenExpired))
    }
}
