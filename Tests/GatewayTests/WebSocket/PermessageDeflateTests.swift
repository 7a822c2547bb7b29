import Deflate
import FanOut
import NIOHTTP1
import SluiceCore
import Testing

@testable import Gateway

@Suite("PermessageDeflate")
struct PermessageDeflateTests {
    private func answer(_ offers: String...) -> String? {
        PermessageDeflate(offers: offers.map { ByteString($0) })?.fields["Sec-WebSocket-Extensions"].first
    }

    private let agreed = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

    @Test(
        "takes what clients offer",
        arguments: [
            "permessage-deflate", "permessage-deflate; client_max_window_bits",
            "permessage-deflate;client_max_window_bits=10",
            "permessage-deflate ; client_max_window_bits = \"8\"",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
        ]
    )
    func offers(offer: String) { #expect(answer(offer) == agreed) }

    @Test("keeps to the window that a client asks for")
    func windows() {
        for (asked, given) in [(15, 15), (14, 12), (12, 12), (11, 9), (9, 9)] {
            let offer = PermessageDeflate(offers: [ByteString("permessage-deflate; server_max_window_bits=\(asked)")])
            #expect(offer?.window.rawValue == given)
            #expect(offer?.fields["Sec-WebSocket-Extensions"] == [agreed + "; server_max_window_bits=\(given)"])
        }
    }

    @Test(
        "declines what isn't an offer of RFC 7692 or can't be met",
        arguments: [
            "", "x-webkit-deflate-frame", "permessage-deflate; server_max_window_bits", "permessage-deflate; x",
            "permessage-deflate;",
            "permessage-deflate; server_max_window_bits=8", "permessage-deflate; server_max_window_bits=16",
            "permessage-deflate; server_max_window_bits=09", "permessage-deflate; server_max_window_bits=",
            "permessage-deflate; server_no_context_takeover=1", "permessage-deflate; client_no_context_takeover=\"\"",
            "permessage-deflate; client_max_window_bits=7", "permessage-deflate; client_max_window_bits=1=0",
            "permessage-deflate; client_max_window_bits; client_max_window_bits=9",
            "permessage-deflate; server_no_context_takeover; server_no_context_takeover", "PERMESSAGE-DEFLATE",
            "permessage-deflate\u{301}", "permessage-bzip2; permessage-deflate",
        ]
    )
    func declined(offer: String) { #expect(answer(offer) == nil) }

    @Test("takes the first offer that can be met")
    func order() {
        #expect(answer("foo", "permessage-deflate; server_max_window_bits=8", "permessage-deflate") == agreed)
        #expect(
            answer("permessage-deflate; server_max_window_bits=10", "permessage-deflate")
                == agreed + "; server_max_window_bits=9"
        )
        #expect(answer() == nil)
    }

    @Test("each window and encoding has a format of its own, at the place that its id names")
    func formats() throws {
        let all = EventFormats.all(.unmeasured())
        for encoding in [EventEncoding.base64, .frames] {
            for window in [nil, .small, .medium, .full] as [DeflateWindow?] {
                let format = try #require(all[Int(encoding.formatID(window).rawValue)] as? SluiceV1EventFormat)
                #expect(format.encoding.rawValue == encoding.rawValue)
                #expect(format.compression?.window == window)
            }
        }
    }
}

@Suite("InflateAllowance")
struct InflateAllowanceTests {
    @Test("ordinary messages never use it up")
    func ordinary() {
        var allowance = InflateAllowance(maximumMessageBytes: 1_000_000, now: 0)
        for _ in 0..<10_000 {
            #expect(allowance.bytes(forSent: 1_000, now: 0) == 2_064_000)
            allowance.take(60_000, forSent: 1_000)
        }
    }

    @Test("two of the largest messages may come at once, and then what time gives back")
    func used() {
        var allowance = InflateAllowance(maximumMessageBytes: 1_000_000, now: 0)
        for _ in 0..<2 {
            #expect(allowance.bytes(forSent: 1, now: 0) >= 1_000_000)
            allowance.take(1_000_000, forSent: 1)
        }
        #expect(allowance.bytes(forSent: 1, now: 0) == 192)
        #expect(allowance.bytes(forSent: 0, now: 100_000_000) == 128 + 419_430)
        #expect(allowance.bytes(forSent: 0, now: .max) == 2_000_000)
        #expect(allowance.bytes(forSent: 0, now: 5) == 2_000_000)
        allowance.take(5_000_000, forSent: 0)
        #expect(allowance.bytes(forSent: 0, now: 5) == 0)
    }
}
