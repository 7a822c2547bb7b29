import HTTPTypes
import Testing

@testable import Gateway

@Suite("AcceptEncoding")
struct AcceptEncodingTests {
    private func hasGzip(_ values: String...) -> Bool {
        var fields = HTTPFields()
        for value in values { fields.append(HTTPField(name: .acceptEncoding, value: value)) }
        return AcceptEncoding.hasGzip(fields)
    }

    @Test("gzip is wanted where it is named and not ruled out")
    func wanted() {
        for value in [
            "gzip", "gzip, deflate, br", "br;q=1.0, GZIP;q=0.8", "identity , x-gzip", "*", "deflate,*;q=0.1",
            "gzip; q=0.001",
        ] {
            #expect(hasGzip(value), "\(value)")
        }
        #expect(hasGzip("br", "gzip"))
        #expect(!hasGzip())
        for value in ["", "identity", "br", "gzip;q=0", "gzip; q=0.000, *", "*;q=0", "gzipped", "deflate;q=0"] {
            #expect(!hasGzip(value), "\(value)")
        }
    }
}
