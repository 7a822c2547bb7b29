import SluiceCore

/// A request to the back end that any number of clients wait for.
typealias WebhookRequest = Task<Result<KeptAnswer, APIError>, Never>
