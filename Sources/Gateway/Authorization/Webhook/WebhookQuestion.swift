import SluiceCore

/// One question to the back end.
///
/// Equal questions share one request and one cached answer, so everything that is asked is part of it.
enum WebhookQuestion: Hashable, Sendable {
    /// May this client connect?
    case connect(WebhookClient)
    /// May `principal`, whose token this is, do that?
    case topic(TopicAction, Topic, principal: String?, token: String?)

    /// The body of the request.
    var json: [UInt8] {
        switch self {
        case .connect(let client):
            return client.json
        case .topic(let action, let topic, let principal, let token):
            var output = Array(#"{"action":"\#(action.rawValue)","topic":"#.utf8)
            JSONText.appendString(topic.name, to: &output)
            WebhookQuestion.append("principal", principal, to: &output)
            WebhookQuestion.append("token", token, to: &output)
            output.append(UInt8(ascii: "}"))
            return output
        }
    }

    /// Appends `,"name":"value"`, or `null` when there is no value.
    static func append(_ name: String, _ value: String?, to output: inout [UInt8]) {
        output.append(contentsOf: #","\#(name)":"#.utf8)
        if let value {
            JSONText.appendString(value, to: &output)
        } else {
            output.append(contentsOf: "null".utf8)
        }
    }
}
