import FanOut
import NIOCore

/// The WebSockets of each event loop, found by the loop.
struct LoopDirectory: Sendable {
    private let boxes: [ObjectIdentifier: NIOLoopBoundBox<WebSocketLoop>]
    /// The loops, in a fixed order.
    let eventLoops: [any EventLoop]

    /// Makes and starts one for each loop of a group.
    init(services: WebSocketServices, group: any EventLoopGroup) {
        var boxes: [ObjectIdentifier: NIOLoopBoundBox<WebSocketLoop>] = [:]
        var eventLoops: [any EventLoop] = []
        for eventLoop in group.makeIterator() {
            let box = NIOLoopBoundBox.makeBoxSendingValue(
                WebSocketLoop(eventLoop: eventLoop, services: services),
                eventLoop: eventLoop
            )
            // Before any connection: the loop does its tasks in order.
            eventLoop.execute { box.value.subscribers.start() }
            boxes[ObjectIdentifier(eventLoop)] = box
            eventLoops.append(eventLoop)
        }
        self.boxes = boxes
        self.eventLoops = eventLoops
    }

    /// The WebSockets of a loop, on that loop only; nil for a loop of another group.
    subscript(eventLoop: any EventLoop) -> WebSocketLoop? { boxes[ObjectIdentifier(eventLoop)]?.value }
}
