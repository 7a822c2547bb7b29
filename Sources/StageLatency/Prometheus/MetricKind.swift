/// The metric types of the text format that are written here.
enum MetricKind: String, Sendable {
    case counter
    case gauge
    case summary
}
