import SluiceCore
import Testing

@Suite struct ConnectionIDTests {
    @Test("an id's text form is the base64url of its bytes, most significant first")
    func textForm() {
        let id = ConnectionID(high: 0x0001_0203_0405_0607, low: 0x0809_0A0B_0C0D_0E0F)
        #expect(id.description == "AAECAwQFBgcICQoLDA0ODw")
        #expect(ConnectionID(high: .max, low: .max).description == "_____________________w")
        #expect(ConnectionID("AAECAwQFBgcICQoLDA0ODw") == id)
    }

    @Test("random ids differ and come back from their text")
    func roundTrip() {
        var seen: Set<ConnectionID> = []
        for _ in 0..<1_000 {
            let id = ConnectionID.random()
            var bytes: [UInt8] = []
            id.append(to: &bytes)
            #expect(ConnectionID(id.description) == id)
            #expect(bytes == Array(id.description.utf8))
            seen.insert(id)
        }
        #expect(seen.count == 1_000)
    }

    @Test(
        "a text of another length, with another character or with spare bits is refused",
        arguments: [
            "", "AAECAwQFBgcICQoLDA0OD", "AAECAwQFBgcICQoLDA0ODwA", "AAECAwQFBgcICQoLDA0ODx", "AAECAwQFBgcICQoLDA0O+w",
            "äAECAwQFBgcICQoLDA0OD",
        ]
    )
    func invalid(text: String) {
        #expect(ConnectionID(text) == nil)
    }
}
