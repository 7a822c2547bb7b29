/// A connection that should have been written to wasn't: the figures would be wrong.
struct SubscriberWithoutEvents: Error {}
