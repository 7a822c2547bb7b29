import Logging
import Metrics

@testable import Gateway

extension ByteBudget {
    /// A budget without a word to anyone.
    static func silent(_ maximumBytes: Int = .max) -> ByteBudget {
        ByteBudget(
            "test",
            maximumBytes: maximumBytes,
            metrics: NOOPMetricsHandler.instance,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }
}

extension ByteBudgets {
    /// Those of `limits`, without a word to anyone.
    static func silent(_ limits: HTTPLimits = HTTPLimits()) -> ByteBudgets {
        ByteBudgets(
            limits,
            metrics: NOOPMetricsHandler.instance,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }
}
