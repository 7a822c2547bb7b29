import NIOCore
import Testing

@testable import Gateway

@Suite("ByteBudget")
struct ByteBudgetTests {
    @Test("gives room up to its limit, and again when it is given back")
    func limit() {
        let budget = ByteBudget.silent(100)
        #expect(budget.take(60))
        #expect(!budget.take(41))
        #expect(budget.heldBytes == 60)
        #expect(budget.take(40))
        budget.give(100)
        #expect(budget.heldBytes == 0)
    }

    @Test("a share is given back with its last owner, whatever it grew to")
    func shares() {
        let budget = ByteBudget.silent(100)
        do {
            let share = BudgetShare(of: budget)
            #expect(share.grow(by: 30))
            #expect(share.resize(to: 90))
            #expect(!share.resize(to: 101))
            #expect(budget.heldBytes == 90)
            #expect(share.resize(to: 20))
            #expect(budget.heldBytes == 20)
        }
        #expect(budget.heldBytes == 0)
    }
}
