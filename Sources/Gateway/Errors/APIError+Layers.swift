import ChangeQueue
import FanOut
package import SluiceCore
import SubscriptionRegistry

/// What a client is told of an error of the layers below: here and nowhere else.
extension CodedError where Code == APIErrorCode {
    /// A name or pattern that breaks a rule.
    package init(_ error: TopicError) { self.init(.invalidTopic, error.message) }

    /// JSON that can't be read, or isn't taken.
    package init(_ error: JSONError) {
        switch error.code {
        case .malformed: self.init(.invalidJSON, error.message)
        case .tooManyMembers, .longKey, .duplicateMember, .notText: self.init(.invalidRequest, error.message)
        }
    }

    /// The log or the queue refused, or failed.
    init(_ error: ChangeQueueError) {
        switch error.code {
        case .queueFull: self.init(.queueFull, error.message)
        case .itemQuotaExceeded: self.init(.storageQuotaExceeded, error.message)
        case .tooManyTopics: self.init(.tooManyTopics, error.message)
        case .overloaded, .itemChanged: self.init(.overloaded, error.message)
        case .payloadTooLarge: self.init(.payloadTooLarge, error.message)
        case .invalidJSON: self.init(.invalidJSON, error.message)
        case .invalidRecord, .invalidItem: self.init(.invalidRequest, error.message)
        case .invalidTopic: self.init(.invalidTopic, error.message)
        case .shuttingDown: self.init(.shuttingDown, error.message)
        case .corruptRecord, .storage, .cannotOpen, .locked, .versionMismatch, .cannotReshard:
            self.init(.storageFailed, error.message)
        }
    }

    /// A subscribe came to nothing.
    init(_ failure: SubscribeFailure) {
        switch failure {
        case .tooMany(let present, let added, let limit):
            self.init(
                .tooManySubscriptions,
                "The connection has \(present) subscriptions, \(added) more were asked for, and the limit is \(limit)."
            )
        case .storage(let error): self.init(reading: error)
        }
    }

    /// The registry refused, or failed.
    init(_ error: RegistryError) {
        switch error.code {
        case .overloaded: self.init(.overloaded, error.message)
        case .closed: self.init(.shuttingDown, error.message)
        case .unknownConnection: self.init(.internalError, error.message)
        case .cannotOpen, .notFound, .corrupt, .versionMismatch, .busy, .full, .storage:
            self.init(.storageFailed, error.message)
        }
    }

    /// An error of any of these layers, or of this one; nil for others.
    init?(ofLayer error: any Error) {
        switch error {
        case let error as APIError: self = error
        case let error as TopicError: self.init(error)
        case let error as JSONError: self.init(error)
        case let error as ChangeQueueError: self.init(error)
        case let error as RegistryError: self.init(error)
        default: return nil
        }
    }

    /// Whatever reading the log threw.
    init(reading error: any Error) {
        self = APIError(ofLayer: error) ?? APIError(.storageFailed, "The log couldn't be read: \(error)")
    }
}

extension Topic {
    /// The topic that a client names.
    /// - Throws: `InvalidTopic`.
    init(asked name: String) throws(APIError) {
        do throws(TopicError) { try self.init(name) } catch { throw APIError(error) }
    }

    /// The same for a name that came as bytes.
    /// - Throws: `InvalidTopic`.
    init(asked bytes: some Collection<UInt8>) throws(APIError) {
        do throws(TopicError) { try self.init(utf8: bytes) } catch { throw APIError(error) }
    }
}

extension JSONValue {
    /// The members of an object that a client sent, by `names`; nil when it isn't an object.
    /// - Throws: `InvalidJSON` or `InvalidRequest`.
    static func asked(for names: [ByteString], in bytes: [UInt8]) throws(APIError) -> [JSONValue?]? {
        do throws(JSONError) { return try members(named: names, of: bytes) } catch { throw APIError(error) }
    }

    /// The same of an object inside of what a client sent.
    /// - Throws: `InvalidRequest`.
    func asked(for names: [ByteString]) throws(APIError) -> [JSONValue?]? {
        do throws(JSONError) { return try members(named: names) } catch { throw APIError(error) }
    }
}
