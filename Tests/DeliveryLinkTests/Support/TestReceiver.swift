import DeliveryLink
import NIOCore
import SluiceCore

/// A gateway's receiver that answers with what the test says, and shows what came.
struct TestReceiver: DeliveryReceiver {
    let deliveries: AsyncStream<[Delivery]>
    private let continuation: AsyncStream<[Delivery]>.Continuation
    private let answer: @Sendable (Delivery) -> Receipt?

    /// - Parameter answer: the receipt of a delivery; nil leaves it without one.
    init(
        answer: @escaping @Sendable (Delivery) -> Receipt? = {
            Receipt(deliveryID: $0.id, sockets: UInt32($0.records.count))
        }
    ) {
        self.answer = answer
        (deliveries, continuation) = AsyncStream.makeStream()
    }

    func receive(_ deliveries: [Delivery], on link: LinkReplies) {
        link.send(deliveries.compactMap(answer))
        continuation.yield(deliveries)
    }
}
