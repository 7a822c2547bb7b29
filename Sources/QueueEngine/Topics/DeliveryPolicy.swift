import SluiceCore

/// How often and when the delivery to an HTTP endpoint is tried again, in SNS's four phases (developer guide, "Amazon SNS message delivery
/// retries"): at once, before the backoff, the backoff, after it.
public struct DeliveryPolicy: Hashable, Sendable {
    /// How the delays of the backoff grow; the raw values are AWS's, which doesn't publish the formulas.
    public enum BackoffFunction: String, Hashable, Sendable, CaseIterable {
        /// By the same amount each time.
        case linear
        /// By an amount that grows by the same amount each time.
        case arithmetic
        /// By the same factor each time.
        case geometric
        /// By twice as much each time.
        case exponential
    }

    /// The shortest and the longest delay, seconds.
    public private(set) var (minDelayTargetSeconds, maxDelayTargetSeconds) = (20, 20)
    /// Retries altogether.
    public private(set) var numRetries = 3
    /// Retries without a delay, the first ones.
    public private(set) var numNoDelayRetries = 0
    /// Retries behind them with the shortest delay.
    public private(set) var numMinDelayRetries = 0
    /// The last retries, with the longest delay.
    public private(set) var numMaxDelayRetries = 0
    /// How the delays of the retries between them grow.
    public private(set) var backoffFunction = BackoffFunction.linear
    /// Deliveries a second at most; nil for as many as it takes.
    public private(set) var maxReceivesPerSecond: Int?
    /// Whether a subscription's own policy counts for nothing; of a topic's policy.
    public private(set) var disablesSubscriptionOverrides = false

    /// AWS's longest sum of all delays, seconds.
    static let maximumTotalSeconds = 3_600

    /// AWS's defaults for HTTP: three retries, 20 seconds apart.
    public init() {}

    /// Reads a subscription's policy: `healthyRetryPolicy` and `throttlePolicy`.
    /// - Throws: ``QueueError``, `invalidAttribute`.
    public init(subscriptionJSON text: String) throws(QueueError) {
        let value = try DeliveryPolicy.object(text)
        try DeliveryPolicy.check(
            value,
            ["healthyRetryPolicy", "throttlePolicy", "sicklyRetryPolicy", "guaranteed", "requestPolicy"]
        )
        try self.init(retry: value["healthyRetryPolicy"], throttle: value["throttlePolicy"])
    }

    /// Reads a topic's policy: `http` with `defaultHealthyRetryPolicy`, `defaultThrottlePolicy` and `disableSubscriptionOverrides`.
    /// - Throws: ``QueueError``, `invalidAttribute`.
    public init(topicJSON text: String) throws(QueueError) {
        let value = try DeliveryPolicy.object(text)
        try DeliveryPolicy.check(value, ["http"])
        guard let http = value["http"], http.kind == .object else {
            throw DeliveryPolicy.invalid("a topic's has the member http, an object")
        }
        let names: [ByteString] = [
            "defaultHealthyRetryPolicy", "defaultThrottlePolicy", "disableSubscriptionOverrides",
            "defaultRequestPolicy",
            "defaultSicklyRetryPolicy",
        ]
        try DeliveryPolicy.check(http, names)
        try self.init(retry: http["defaultHealthyRetryPolicy"], throttle: http["defaultThrottlePolicy"])
        disablesSubscriptionOverrides = http["disableSubscriptionOverrides"]?.boolean ?? false
    }

    private init(retry: JSONValue?, throttle: JSONValue?) throws(QueueError) {
        if let retry, retry.kind != .null { try read(retry) }
        if let throttle, throttle.kind != .null {
            try DeliveryPolicy.check(throttle, ["maxReceivesPerSecond"])
            maxReceivesPerSecond = try DeliveryPolicy.number(throttle, "maxReceivesPerSecond", 1...100_000)
        }
    }

    private mutating func read(_ retry: JSONValue) throws(QueueError) {
        let names: [ByteString] = [
            "minDelayTarget", "maxDelayTarget", "numRetries", "numNoDelayRetries", "numMinDelayRetries",
            "numMaxDelayRetries",
            "backoffFunction",
        ]
        try DeliveryPolicy.check(retry, names)
        numRetries = try DeliveryPolicy.number(retry, "numRetries", 0...100) ?? numRetries
        let longest = try DeliveryPolicy.number(retry, "maxDelayTarget", 1...3_600)
        let shortest = try DeliveryPolicy.number(retry, "minDelayTarget", 1...3_600)
        maxDelayTargetSeconds = longest ?? max(maxDelayTargetSeconds, shortest ?? 0)
        minDelayTargetSeconds = shortest ?? min(minDelayTargetSeconds, maxDelayTargetSeconds)
        numNoDelayRetries = try DeliveryPolicy.number(retry, "numNoDelayRetries", 0...100) ?? 0
        numMinDelayRetries = try DeliveryPolicy.number(retry, "numMinDelayRetries", 0...100) ?? 0
        numMaxDelayRetries = try DeliveryPolicy.number(retry, "numMaxDelayRetries", 0...100) ?? 0
        if let name = retry["backoffFunction"], name.kind != .null {
            guard let function = name.string.flatMap(BackoffFunction.init) else {
                throw DeliveryPolicy.invalid("backoffFunction is linear, arithmetic, geometric or exponential")
            }
            backoffFunction = function
        }
        guard minDelayTargetSeconds <= maxDelayTargetSeconds else {
            throw DeliveryPolicy.invalid(
                "minDelayTarget \(minDelayTargetSeconds) is more than maxDelayTarget \(maxDelayTargetSeconds)"
            )
        }
        guard backoffRetries >= 0 else {
            throw DeliveryPolicy.invalid("the phases have more retries together than numRetries, \(numRetries)")
        }
        guard totalSeconds <= DeliveryPolicy.maximumTotalSeconds else {
            throw DeliveryPolicy.invalid(
                "its delays are \(totalSeconds) seconds together, and the limit is \(DeliveryPolicy.maximumTotalSeconds)"
            )
        }
    }

    /// How long to wait after an attempt that failed, the first one being 1; nil when that was the last one.
    public func delaySeconds(afterAttempt attempt: Int) -> Int? {
        guard (1...max(1, numRetries)).contains(attempt), attempt <= numRetries else { return nil }
        var retry = attempt
        if retry <= numNoDelayRetries { return 0 }
        retry -= numNoDelayRetries
        if retry <= numMinDelayRetries { return minDelayTargetSeconds }
        retry -= numMinDelayRetries
        if retry <= backoffRetries { return backoffSeconds(retry) }
        return maxDelayTargetSeconds
    }

    /// Retries of the backoff: those that are in no other phase.
    private var backoffRetries: Int { numRetries - numNoDelayRetries - numMinDelayRetries - numMaxDelayRetries }

    private var totalSeconds: Int {
        (0..<numRetries).reduce(0) { $0 + (delaySeconds(afterAttempt: $1 + 1) ?? 0) }
    }

    /// The delay of one of the backoff's retries, from the shortest to the longest one, which the last one has.
    private func backoffSeconds(_ retry: Int) -> Int {
        let (shortest, longest) = (Double(minDelayTargetSeconds), Double(maxDelayTargetSeconds))
        let (step, steps) = (Double(retry), Double(backoffRetries))
        func power(_ base: Double, _ exponent: Double) -> Double {
            // At most a hundred times: no need for a library of mathematics.
            (0..<Int(exponent)).reduce(1) { result, _ in result * base }
        }
        switch backoffFunction {
        case .linear: return Int((shortest + (longest - shortest) * step / steps).rounded())
        case .arithmetic:
            return Int((shortest + (longest - shortest) * step * (step + 1) / (steps * (steps + 1))).rounded())
        case .exponential:
            return Int((shortest + (longest - shortest) * (power(2, step) - 1) / (power(2, steps) - 1)).rounded())
        case .geometric:
            // The factor whose power of `steps` is the quotient, by bisection.
            var (low, high) = (1.0, max(1, longest / shortest))
            for _ in 0..<60 {
                let middle = (low + high) / 2
                if power(middle, steps) < longest / shortest { low = middle } else { high = middle }
            }
            return min(maxDelayTargetSeconds, Int((shortest * power(high, step)).rounded()))
        }
    }

    // MARK: - Reading

    private static func object(_ text: String) throws(QueueError) -> JSONValue {
        guard text.utf8.count <= 8_192, let value = try? JSONValue(Array(text.utf8)), value.kind == .object else {
            throw invalid("it isn't a JSON object of at most 8192 bytes")
        }
        return value
    }

    private static func check(_ value: JSONValue, _ names: [ByteString]) throws(QueueError) {
        guard let members = try? value.members(upTo: 20) else { throw invalid("one of its members isn't an object") }
        guard let unknown = members.first(where: { !names.contains($0.key) }) else { return }
        throw invalid("there is no member \(unknown.key.string.printable(limit: 60))")
    }

    private static func number(
        _ value: JSONValue,
        _ name: ByteString,
        _ range: ClosedRange<Int>
    ) throws(QueueError) -> Int? {
        guard let member = value[name], member.kind != .null else { return nil }
        guard let number = member.unsignedInteger.flatMap({ Int(exactly: $0) }), range.contains(number) else {
            throw invalid("\(name) is a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    private static func invalid(_ reason: String) -> QueueError {
        QueueError(.invalidAttribute, "DeliveryPolicy isn't valid: \(reason).")
    }
}
