extension Duration {
    /// The duration in whole nanoseconds; zero for a negative one, the largest number for one of more than 584 years.
    public var wholeNanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let (product, overflows) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, sumOverflows) = product.addingReportingOverflow(UInt64(attoseconds) / 1_000_000_000)
        return overflows || sumOverflows ? .max : sum
    }
}
