import Testing

@testable import DeliveryLink

@Suite struct LinkCreditWindowTests {
    @Test("deliveries fit until the bytes or the count are used up")
    func limits() {
        var window = LinkCreditWindow(credit: LinkCredit(bytes: 100, deliveries: 2, frameBytes: 1000))
        window.insert(1, byteCount: 60)
        #expect(window.allows(byteCount: 40) && !window.allows(byteCount: 41))
        window.insert(2, byteCount: 10)
        #expect(!window.allows(byteCount: 1))
        #expect(window.remove(1) && !window.remove(1))
        #expect(window.allows(byteCount: 90) && window.ids == [2] && window.bytes == 10)
    }

    @Test("one delivery is allowed however long it is")
    func oversize() {
        var window = LinkCreditWindow(credit: LinkCredit(bytes: 100, deliveries: 2, frameBytes: 1000))
        #expect(window.allows(byteCount: 900))
        window.insert(1, byteCount: 900)
        #expect(!window.allows(byteCount: 1))
    }
}
