/// What stands behind a handler of swift-metrics: it holds the value and writes its lines.
protocol MetricCell: AnyObject, Sendable {
    var series: MetricSeries { get }
    func write(to text: inout ExpositionText)
}
