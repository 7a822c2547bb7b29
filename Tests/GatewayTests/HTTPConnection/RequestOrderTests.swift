import Testing

@testable import Gateway

@Suite("RequestOrder")
struct RequestOrderTests {
    /// Goal: whatever mix of requests arrives and whenever answers are ready, they leave in the requests' order.
    /// Method: all mixes of up to 5 requests and all orders of events, against a list of the expected numbers.
    @Test("answers leave in the requests' order, for every mix of kinds and every order of completion")
    func exhaustive() {
        var explored = 0
        for length in 1...5 {
            for mix in 0..<(1 << length) {
                let kinds = (0..<length).map { mix >> $0 & 1 == 0 ? RequestKind.publish : .routed }
                explore(Run(kinds: kinds), &explored)
            }
        }
        #expect(explored > 1_000)
    }

    /// One way through; it is copied at each fork.
    private struct Run {
        let kinds: [RequestKind]
        var order = RequestOrder<Int>()
        var begun = 0
        var numbers: [Int: UInt64] = [:]
        var unanswered: [Int] = []
        var written: [Int] = []

        init(kinds: [RequestKind]) { self.kinds = kinds }

        var canBegin: Bool { begun < kinds.count && order.admits(kinds[begun], alone: false) }

        mutating func begin() {
            if kinds[begun] == .publish {
                numbers[begun] = order.beginPublish()
            } else {
                order.beginRouted()
            }
            unanswered.append(begun)
            begun += 1
        }

        /// Requests whose answers can come next: any publish, and the oldest routed one.
        var answerable: [Int] {
            let oldestRouted = unanswered.first { kinds[$0] == .routed }
            return unanswered.filter { kinds[$0] == .publish || $0 == oldestRouted }
        }

        mutating func answer(_ request: Int) {
            unanswered.removeAll { $0 == request }
            if kinds[request] == .routed {
                written.append(request)
                return order.routedAnswered()
            }
            let wasTaken = order.answer(numbers[request] ?? 0, with: request)
            let wasTakenTwice = order.answer(numbers[request] ?? 0, with: request)
            #expect(wasTaken && !wasTakenTwice)
            while let due = order.nextDue() { written.append(due) }
        }
    }

    private func explore(_ run: Run, _ explored: inout Int) {
        if run.canBegin {
            var next = run
            next.begin()
            explore(next, &explored)
        }
        for request in run.answerable {
            var next = run
            next.answer(request)
            explore(next, &explored)
        }
        guard !run.canBegin, run.answerable.isEmpty else { return }
        explored += 1
        #expect(run.written == Array(run.kinds.indices))
        #expect(run.order.isEmpty)
    }

    @Test("a request that needs its turn waits for all before it")
    func alone() {
        var order = RequestOrder<Int>()
        #expect(order.admits(.publish, alone: true))
        let number = order.beginPublish()
        #expect(order.admits(.publish, alone: false))
        #expect(!order.admits(.publish, alone: true))
        let wasTaken = order.answer(number, with: 1)
        let due = order.nextDue()
        #expect(wasTaken && due == 1)
        #expect(order.admits(.routed, alone: true))
    }

    @Test("an answer to an unknown request is dropped")
    func unknown() {
        var order = RequestOrder<Int>()
        let taken = [order.answer(0, with: 1), order.answer(.max, with: 1)]
        let due = order.nextDue()
        #expect(taken == [false, false])
        #expect(due == nil)
    }
}
