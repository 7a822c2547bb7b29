import SluiceCore
import Testing

@testable import Gateway

@Suite("PublishGrants")
struct PublishGrantsTests {
    @Test("a grant is used for its own token, until it ends or is too old")
    func ends() {
        var grants = PublishGrants()
        #expect(grants.grant(for: nil, wallNanoseconds: 0) == nil)
        grants.keep(Grant(expiresAtWallNanoseconds: 100), for: "a", wallNanoseconds: 10)
        #expect(grants.grant(for: "a", wallNanoseconds: 99) != nil)
        #expect(grants.grant(for: "a", wallNanoseconds: 100) == nil)
        #expect(grants.grant(for: "b", wallNanoseconds: 50) == nil)
        #expect(grants.grant(for: nil, wallNanoseconds: 50) == nil)
        grants.keep(.everything, for: nil, wallNanoseconds: 10)
        #expect(grants.grant(for: nil, wallNanoseconds: 9 + PublishGrants.maximumAgeNanoseconds) != nil)
        #expect(grants.grant(for: nil, wallNanoseconds: 10 + PublishGrants.maximumAgeNanoseconds) == nil)
        #expect(grants.grant(for: "a", wallNanoseconds: 50) == nil)
    }
}
