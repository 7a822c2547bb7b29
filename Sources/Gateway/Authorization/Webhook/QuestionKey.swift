import SluiceCore

/// What makes two questions to the back end equal: equal ones share one request and one kept answer.
struct QuestionKey: Hashable, Sendable {
    /// Everything that is asked, of a question at connect; principal and token, of a question about a topic.
    let asker: AskerDigest
    /// What is to be done with ``topic``; nil at connect.
    let action: TopicAction?
    /// The topic; nil at connect.
    let topic: Topic?

    /// The key of a question at connect, whose text is `json`.
    init(connect json: [UInt8]) {
        asker = AskerDigest(json)
        action = nil
        topic = nil
    }

    /// The key of a question about a topic.
    ///
    /// Called on event loops for each publish: it hashes no token, since the grant has its digest already.
    init(_ action: TopicAction, _ topic: Topic, _ grant: Grant) {
        asker = grant.asker?.digest ?? AskerDigest(WebhookQuestion.askerJSON(grant))
        self.action = action
        self.topic = topic
    }
}
