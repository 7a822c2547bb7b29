import ChangeQueue
import LMDBLog
import NIOCore
import NIOPosix
import SluiceCore
import TestSupport
import Testing

@testable import Publisher

@Suite("Doorbell handler", .timeLimit(.minutes(1)))
struct DoorbellHandlerTests {
    @Test("a ring makes the event loop look, each time, and the bell is silent when it does")
    func rings() async throws {
        let scratch = ScratchDirectory()
        defer { withExtendedLifetime(scratch) {} }
        let run = try RunDirectory(data: scratch.path)
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        let (looks, continuation) = AsyncStream<Bool>.makeStream()
        let channel = try await eventLoop.flatSubmit {
            do {
                let bell = try Doorbell(run)
                return try DoorbellHandler.listen(to: bell, on: eventLoop) { continuation.yield(bell.silence()) }
            } catch {
                return eventLoop.makeFailedFuture(error)
            }
        }.get()
        let ringer = DoorbellRinger(run)
        var looking = looks.makeAsyncIterator()
        for _ in 0..<3 {
            ringer.ring()
            #expect(await looking.next() == false)
        }
        try await channel.close()
    }
}
