package import QueueEngine
package import Queues
package import SQSProtocol
import SluiceCore

/// SNS's API over a ``TopicService``, in the same AWS JSON 1.0 as SQS's.
///
/// AWS's SDKs speak the Query protocol for SNS, which isn't offered.
package struct SNSHandler: Sendable {
    let service: TopicService
    /// Why an HTTP endpoint may not be subscribed; nil for one that may.
    private let endpointRefusal: @Sendable (_ endpoint: String) -> String?

    /// What the value of `X-Amz-Target` begins with.
    package static let targetPrefix = "AmazonSNS."
    /// The largest request, bytes: a batch of 256 KiB in JSON's escapes, with filters.
    package static let maximumBodyBytes = 4 << 20
    /// A message's attributes at most; more than ten don't go to queues raw.
    static let maximumAttributes = 100
    /// Topics or subscriptions that a list has a page (API reference, "ListTopics").
    static let pageLength = 100

    /// Answers for the topics of a service.
    ///
    /// `endpointRefusal`: says why an HTTP endpoint may not be subscribed, nil when it may.
    package init(_ service: TopicService, endpointRefusal: @escaping @Sendable (_ endpoint: String) -> String?) {
        self.service = service
        self.endpointRefusal = endpointRefusal
    }

    /// Answers one request.
    /// - Parameters:
    ///   - action: what stands behind ``targetPrefix``.
    ///   - body: the request's body.
    /// - Returns: what is sent, an error too.
    package func answer(_ action: String, _ body: [UInt8]) async -> SQSHandler.Answer {
        do throws(SNSError) {
            let input: SQSInput
            do throws(SQSError) { input = try SQSInput(body) } catch { throw SNSError(error) }
            return SQSHandler.Answer(status: 200, body: try await perform(action, SNSInput(input)), queryError: nil)
        } catch {
            return SQSHandler.Answer(status: error.status, body: error.json, queryError: error.queryError)
        }
    }

    /// Confirms a subscription, as its endpoint asks by visiting an address.
    package func confirm(topicARN: String, token: String) async throws(SNSError) -> TopicSubscription {
        do throws(QueueError) {
            return try await service.confirm(.token(token), of: try TopicARN.topic(of: topicARN))
        } catch {
            throw SNSError(error)
        }
    }

    /// Removes a subscription, as its endpoint asks by visiting an address.
    package func unsubscribe(subscriptionARN: String) async throws(SNSError) {
        do throws(QueueError) {
            let (topic, id) = try TopicARN.subscription(of: subscriptionARN)
            try await service.unsubscribe(id, from: topic)
        } catch {
            throw SNSError(error)
        }
    }

    private func perform(_ action: String, _ input: SNSInput) async throws(SNSError) -> [UInt8] {
        switch ByteString(action) {
        case "CreateTopic": try await createTopic(input)
        case "DeleteTopic": try await deleteTopic(input)
        case "ListTopics": try listTopics(input)
        case "GetTopicAttributes": try topicAttributes(input)
        case "SetTopicAttributes": try await setTopicAttributes(input)
        case "Subscribe": try await subscribe(input)
        case "ConfirmSubscription": try await confirm(input)
        case "Unsubscribe": try await unsubscribe(input)
        case "ListSubscriptions": try listSubscriptions(input)
        case "ListSubscriptionsByTopic": try listSubscriptionsByTopic(input)
        case "GetSubscriptionAttributes": try subscriptionAttributes(input)
        case "SetSubscriptionAttributes": try await setSubscriptionAttributes(input)
        case "Publish": try await publish(input)
        case "PublishBatch": try await publishBatch(input)
        default: throw SNSError("InvalidAction", "There is no action \(action.printable(limit: 60)) here.")
        }
    }

    static let empty = Array("{}".utf8)

    /// Runs `body` with the service's errors as SNS's.
    func asking<Value>(_ body: () throws(QueueError) -> Value) throws(SNSError) -> Value {
        do throws(QueueError) { return try body() } catch { throw SNSError(error) }
    }

    /// The same for what waits.
    func awaiting<Value>(_ body: () async throws(QueueError) -> Value) async throws(SNSError) -> Value {
        do throws(QueueError) { return try await body() } catch { throw SNSError(error) }
    }

    func check(_ endpoint: String, of kind: SubscriptionProtocol) throws(SNSError) {
        guard kind.isDeliveredOverHTTP, let refusal = endpointRefusal(endpoint) else { return }
        throw SNSError("AuthorizationError", refusal)
    }
}
