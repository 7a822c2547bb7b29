/// The answers that are still good, at most a fixed number: the one that wasn't looked up for longest makes room.
///
/// A list within an array (indices instead of pointers), so that every step takes the same short time whatever the size.
struct AnswerCache {
    private struct Slot {
        var question: WebhookQuestion
        var kept: KeptAnswer
        var newer: Int?
        var older: Int?
    }

    private let capacity: Int
    private var slots: [Slot] = []
    private var indices: [WebhookQuestion: Int] = [:]
    private var newest: Int?
    private var oldest: Int?

    /// Makes an empty cache that keeps up to `capacity` answers.
    init(capacity: Int) { self.capacity = capacity }

    /// Answers that are kept, good or not.
    var count: Int { slots.count }

    /// The answer if it is still good at `now`.
    mutating func answer(to question: WebhookQuestion, atWallNanoseconds now: UInt64) -> KeptAnswer? {
        guard let index = indices[question], now < slots[index].kept.validUntilWallNanoseconds else { return nil }
        makeNewest(index)
        return slots[index].kept
    }

    /// Keeps an answer, in place of an older one to the same question.
    mutating func keep(_ kept: KeptAnswer, for question: WebhookQuestion) {
        if let index = indices[question] {
            slots[index].kept = kept
            makeNewest(index)
        } else if slots.count < capacity {
            slots.append(Slot(question: question, kept: kept))
            indices[question] = slots.count - 1
            linkAsNewest(slots.count - 1)
        } else if let index = oldest {
            indices[slots[index].question] = nil
            slots[index].question = question
            slots[index].kept = kept
            indices[question] = index
            makeNewest(index)
        }
    }

    private mutating func makeNewest(_ index: Int) {
        if newest == index { return }
        unlink(index)
        linkAsNewest(index)
    }

    private mutating func unlink(_ index: Int) {
        let (newer, older) = (slots[index].newer, slots[index].older)
        if let newer { slots[newer].older = older } else { newest = older }
        if let older { slots[older].newer = newer } else { oldest = newer }
    }

    private mutating func linkAsNewest(_ index: Int) {
        slots[index].newer = nil
        slots[index].older = newest
        if let newest { slots[newest].newer = index }
        newest = index
        if oldest == nil { oldest = index }
    }
}
