/// One time series: a metric's name with one set of labels, both already fit for the text format.
struct MetricSeries: Hashable, Sendable {
    let name: String
    let kind: MetricKind
    /// `{queue="sqs"}` without the braces; empty when there are no labels.
    let labels: String
}
