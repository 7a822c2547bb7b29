/// One connection that publishes; subclasses speak a peer's protocol.
class Publisher: Connection {
    let run: Run
    /// Publishes that aren't answered yet, oldest first, where the protocol answers in order.
    final var waiting: [UInt32] = []
    private var request: [[UInt8]?]
    private var payloadStart: [Int]
    private var tail: [UInt8] = []

    init(run: Run) throws {
        self.run = run
        request = Array(repeating: nil, count: run.options.topics)
        payloadStart = Array(repeating: 0, count: run.options.topics)
        try super.init(port: run.options.publishPort ?? run.options.port, poller: run.poller)
    }

    /// What stands before the payload of a publish to `topic`.
    func head(topic: String, payloadBytes: Int) -> [UInt8] { [] }
    /// What stands behind it.
    var end: [UInt8] { [] }
    /// Sends a whole publish.
    func transmit(_ request: [UInt8], number: UInt32) { send(request) }
    /// It can publish.
    final func ready() { run.publisherReady() }

    /// Publishes message `number`.
    final func publish(number: UInt32, topic: Int, due: UInt64) {
        if request[topic] == nil {
            let payload = Marker.template(bytes: run.options.bytes)
            let head = head(topic: run.options.topic(topic), payloadBytes: payload.count)
            request[topic] = head + payload + end
            payloadStart[topic] = head.count
        }
        guard var bytes = request[topic] else { return }
        request[topic] = nil
        Marker(due: due, number: number).write(into: &bytes, at: payloadStart[topic])
        transmit(bytes, number: number)
        request[topic] = bytes
    }

    /// The oldest publish in flight was answered.
    final func acknowledgeOldest() {
        guard !waiting.isEmpty else { return }
        run.acknowledged(waiting.removeFirst(), on: self)
    }

    override func connected() { ready() }
    override func closed() { run.fail(.refused("a publisher's connection was closed")) }
}
