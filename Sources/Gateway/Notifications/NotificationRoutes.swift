import HTTPTypes
import Hummingbird
import QueueEngine
import SNSProtocol
import SQSProtocol
import SluiceCore

/// What endpoints of subscriptions visit: the address that confirms one, the one that ends it, and the certificate of the signatures.
struct NotificationRoutes {
    let handler: SNSHandler
    let certificate: String

    func register(on router: Router<GatewayRequestContext>) {
        router.get(RouterPath(HTTPNotification.path)) { request, _ in await answer(request) }
        router.get(RouterPath(HTTPNotification.certificatePath)) { [certificate] _, _ in
            HTTPAnswer.bytes(Array(certificate.utf8), "application/x-pem-file")
        }
    }

    private func answer(_ request: Request) async -> Response {
        // Not outside input: the names are the API's.
        func parameter(_ name: Substring) -> String? { request.uri.queryParameters[name].map { String($0) } }
        do throws(SNSError) {
            switch parameter("Action").map({ ByteString($0) }) {
            case "ConfirmSubscription":
                let (arn, token) = (parameter("TopicArn") ?? "", parameter("Token") ?? "")
                let confirmed = try await handler.confirm(topicARN: arn, token: token)
                return xml("ConfirmSubscription", "<SubscriptionArn>\(confirmed.arn)</SubscriptionArn>")
            case "Unsubscribe":
                try await handler.unsubscribe(subscriptionARN: parameter("SubscriptionArn") ?? "")
                return xml("Unsubscribe", nil)
            default:
                return HTTPAnswer.error(
                    APIError(
                        .invalidRequest,
                        "\(HTTPNotification.path) takes Action=ConfirmSubscription or Unsubscribe."
                    )
                )
            }
        } catch {
            let status = HTTPResponse.Status(code: error.status)
            return HTTPAnswer.bytes(Array((error.message + "\n").utf8), "text/plain; charset=utf-8", status: status)
        }
    }

    /// An answer as AWS's; `content` has no character that XML would want escaped.
    private func xml(_ action: String, _ content: String?) -> Response {
        let result = content.map { "<\(action)Result>\($0)</\(action)Result>" } ?? ""
        let body = """
            <\(action)Response xmlns="http://sns.amazonaws.com/doc/2010-03-31/">\(result)\
            <ResponseMetadata><RequestId>\(SQSHandler.requestID())</RequestId></ResponseMetadata></\(action)Response>

            """
        return HTTPAnswer.bytes(Array(body.utf8), "text/xml; charset=utf-8", fields: [.cacheControl: "no-store"])
    }
}
