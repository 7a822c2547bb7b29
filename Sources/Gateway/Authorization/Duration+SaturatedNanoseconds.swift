extension Duration {
    /// The duration in nanoseconds, between 0 and the largest number.
    var saturatedNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        if seconds < 0 || attoseconds < 0 { return 0 }
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, runsOver) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
        return overflow || runsOver ? .max : sum
    }
}
