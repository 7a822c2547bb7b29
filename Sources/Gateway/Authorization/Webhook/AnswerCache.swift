import NIOCore
import SluiceCore

/// The back end's answers that are still good, within a budget of bytes.
///
/// Refusals have a small part of their own: anybody can cause as many as he likes, and they must not push out the answers that let clients in.
struct AnswerCache {
    /// The part of the budget that is for refusals: one of so many.
    static let refusalShare = 8

    private var allowing: BoundedCache<QuestionKey, KeptAnswer>
    private var refusing: BoundedCache<QuestionKey, KeptAnswer>

    /// Makes an empty cache.
    init(maximumBytes: Int) {
        let refusalBytes = maximumBytes / AnswerCache.refusalShare
        allowing = BoundedCache(maximumBytes: maximumBytes - refusalBytes)
        refusing = BoundedCache(maximumBytes: refusalBytes)
    }

    /// Answers that are kept, good or not.
    var count: Int { allowing.count + refusing.count }

    /// What they take, bytes.
    var bytes: Int { allowing.bytes + refusing.bytes }

    /// Answers that were still good and had to make room.
    var evictionCount: Int { allowing.evictionCount + refusing.evictionCount }

    /// The answer if it is still good at `now`.
    mutating func answer(to key: QuestionKey, atWallNanoseconds now: UInt64) -> KeptAnswer? {
        allowing.value(for: key, at: now) ?? refusing.value(for: key, at: now)
    }

    /// Keeps an answer, in place of an older one to the same question.
    mutating func keep(_ kept: KeptAnswer, for key: QuestionKey, atWallNanoseconds now: UInt64) {
        let bytes = (key.topic?.name.utf8.count ?? 0) + kept.answer.heapBytes
        let end = kept.validUntilWallNanoseconds
        if kept.answer.isAllowed {
            refusing.removeValue(for: key)
            allowing.keep(kept, for: key, heapBytes: bytes, until: end, at: now)
        } else {
            allowing.removeValue(for: key)
            refusing.keep(kept, for: key, heapBytes: bytes, until: end, at: now)
        }
    }

    /// Looks at up to `slots` entries of each part and forgets those whose time is over.
    mutating func sweep(slots: Int, atWallNanoseconds now: UInt64) {
        allowing.sweep(slots: slots, at: now)
        refusing.sweep(slots: slots, at: now)
    }
}

extension WebhookAnswer {
    /// What the answer holds outside of its own fields, bytes.
    var heapBytes: Int {
        /// A string's or an array's header and its element in an array.
        let headerBytes = 64
        let strings = [reason, principal].compactMap { $0 }.reduce(0) { $0 + headerBytes + $1.utf8.count }
        return ((subscribe ?? []) + (publish ?? [])).reduce(strings) { $0 + headerBytes + $1.text.utf8.count }
    }
}

/// An answer and how long it is good.
struct KeptAnswer: Sendable {
    let answer: WebhookAnswer
    /// When it must be asked again, nanoseconds of the wall clock.
    let validUntilWallNanoseconds: UInt64
    /// When the connection that it allows ends, nanoseconds of the wall clock; nil for never.
    let expiresAtWallNanoseconds: UInt64?
}

/// Closes a connection to the back end on which an answer takes more bytes than any answer may.
///
/// The HTTP client reads informational responses (1xx) without end, and a flood of them would keep a core busy for as long as a question may
/// take. So the bytes since the last question are counted, before anything is made of them.
final class AnswerByteLimit: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = IOData

    /// An answer's body and as much again for its head, and TLS's own bytes.
    static let maximumBytes = 2 * WebhookAnswer.maximumBytes + 64 * 1024

    private var bytes = 0

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        bytes = 0
        context.write(data, promise: promise)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        bytes += unwrapInboundIn(data).readableBytes
        guard bytes <= AnswerByteLimit.maximumBytes else {
            context.close(promise: nil)
            return
        }
        context.fireChannelRead(data)
    }
}
