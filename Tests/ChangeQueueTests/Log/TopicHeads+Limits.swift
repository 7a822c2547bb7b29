@testable import ChangeQueue
@testable import LMDBLog

extension TopicHeads {
    /// A table of so many topics.
    init(maximumTopics: Int, quotas: TopicQuotas.Limits = TopicQuotas.Limits()) {
        self.init(Limits(topics: maximumTopics, quotas: quotas))
    }
}
