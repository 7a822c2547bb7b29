import ChangeQueue
import SluiceCore
import SubscriptionRegistry
import Testing

@testable import Gateway

@Suite("What a client is told")
struct APIErrorTests {
    @Test("every error code has a 4xx or 5xx status", arguments: APIErrorCode.allCases)
    func status(code: APIErrorCode) {
        #expect((400...599).contains(code.httpStatus))
        if code.retryAfterSeconds != nil { #expect([429, 503].contains(code.httpStatus)) }
    }

    @Test("an error's body is JSON with code and message")
    func body() throws {
        let value = try JSONValue(APIError(.invalidTopic, "a \"b\"").json)
        #expect(value["error"]?["code"]?.string == "InvalidTopic")
        #expect(value["error"]?["message"]?.string == "a \"b\"")
    }

    @Test(
        "the log's errors",
        arguments: [
            (.queueFull, .queueFull), (.overloaded, .overloaded), (.payloadTooLarge, .payloadTooLarge),
            (.tooManyTopics, .tooManyTopics), (.itemQuotaExceeded, .storageQuotaExceeded),
            (.invalidRecord, .invalidRequest), (.invalidItem, .invalidRequest), (.invalidJSON, .invalidJSON),
            (.invalidTopic, .invalidTopic), (.itemChanged, .overloaded), (.shuttingDown, .shuttingDown),
            (.corruptRecord, .storageFailed), (.cannotOpen, .storageFailed), (.locked, .storageFailed),
            (.versionMismatch, .storageFailed), (.storage, .storageFailed),
        ] as [(ChangeQueueError.Code, APIErrorCode)]
    )
    func log(code: ChangeQueueError.Code, told: APIErrorCode) {
        #expect(APIError(ofLayer: ChangeQueueError(code, "m")) == APIError(told, "m"))
    }

    @Test(
        "the registry's errors",
        arguments: [
            (.overloaded, .overloaded), (.closed, .shuttingDown), (.unknownConnection, .internalError),
            (.busy, .storageFailed), (.full, .storageFailed), (.corrupt, .storageFailed),
        ] as [(RegistryError.Code, APIErrorCode)]
    )
    func registry(code: RegistryError.Code, told: APIErrorCode) {
        #expect(APIError(ofLayer: RegistryError(code, "m")) == APIError(told, "m"))
    }

    @Test("names and JSON that aren't taken")
    func words() {
        #expect(APIError(ofLayer: TopicError(.wildcard, "m")) == APIError(.invalidTopic, "m"))
        #expect(APIError(ofLayer: JSONError(.malformed, "m")) == APIError(.invalidJSON, "m"))
        #expect(APIError(ofLayer: JSONError(.longKey, "m")) == APIError(.invalidRequest, "m"))
        #expect(APIError(ofLayer: CancellationError()) == nil)
        #expect(APIError(reading: CancellationError()).code == .storageFailed)
    }
}
