/// Says that nothing between a connection's handlers and its socket changes bytes, so that they may be sent past the channel.
///
/// Whoever builds a pipeline knows, and hands it to the handlers; with TLS in the pipeline there is none.
struct PlainPipeline: Sendable {}
