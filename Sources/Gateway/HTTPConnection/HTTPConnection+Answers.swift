import NIOHTTP1
import SluiceCore

/// What goes to the client, in the order of its requests.
extension HTTPConnection {
    /// Takes the answer to a publish.
    /// - Returns: whether anyone waits for it.
    mutating func answer(_ number: UInt64, _ answer: PublishAnswer) -> Bool {
        guard phase == .open else { return false }
        return order.answer(number, with: answer)
    }

    /// An answer whose turn has come.
    mutating func write(_ answer: PublishAnswer, now: UInt64) -> Action {
        var framing = framing
        if answer.closes { parting = .lingering }
        if answer.closes || isLastAnswer {
            framing.connection = .close
            end(now: now)
        } else if order.isEmpty {
            deadlines.allAnswered(now: now)
        }
        return .write(answer, framing)
    }

    /// Whether nothing is going to follow the answer that is being written.
    private var isLastAnswer: Bool {
        guard order.isEmpty, inbox.isEmpty || stay == .ends else { return false }
        switch reading {
        case .ended: return true
        case .between: return stay != .kept
        case .authorizing, .publish, .discarding, .routed, .handshake: return false
        }
    }

    // MARK: - Routed answers

    /// A routed answer's head is there.
    ///
    /// `isDelimited`: its body's end is told by its length; else it takes chunks, or the connection's end where those aren't known.
    /// - Returns: how to write it; nil when nobody waits for it.
    mutating func beginRoutedAnswer(_ number: UInt64, isDelimited: Bool) -> AnswerFraming? {
        guard phase == .open, number == routedNumber, routedAnswer == .awaited else { return nil }
        var framing = framing
        let isLast =
            stay >= .ends || (stay != .kept && inbox.isEmpty)
            || (!isDelimited && framing.version == .http1_0)
        if isLast {
            stay = max(stay, .ends)
            framing.connection = .close
        }
        routedAnswer = .begun(last: isLast)
        return framing
    }

    /// Whether a part of a routed answer is still wanted.
    func wantsRoutedAnswer(_ number: UInt64) -> Bool {
        guard phase == .open, number == routedNumber, case .begun = routedAnswer else { return false }
        return true
    }

    /// A routed answer is written.
    mutating func endRoutedAnswer(_ number: UInt64, now: UInt64) {
        guard wantsRoutedAnswer(number), case .begun(let isLast) = routedAnswer else { return }
        routedAnswer = .none
        order.routedAnswered()
        if case .routed = reading {
            if isLast {
                parting = .lingering
            } else {
                reading = .discarding
            }
        }
        if isLast || parting == .lingering {
            end(now: now)
        } else {
            deadlines.allAnswered(now: now)
        }
    }

    /// Whoever answers a routed request is done; without an end of its answer only breaking off can tell the client.
    mutating func routedEnded(_ number: UInt64) {
        guard phase == .open, number == routedNumber, routedAnswer != .none else { return }
        cut()
    }
}
