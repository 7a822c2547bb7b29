extension UInt64 {
    /// The sum, or the largest number when it doesn't fit: deadlines far away stay far away.
    package func saturatingAdd(_ other: UInt64) -> UInt64 {
        let (sum, overflows) = addingReportingOverflow(other)
        return overflows ? .max : sum
    }
}

extension Duration {
    /// The duration in whole nanoseconds; zero for a negative one, the largest number for one of more than 584 years.
    package var wholeNanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let (product, overflows) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, sumOverflows) = product.addingReportingOverflow(UInt64(attoseconds) / 1_000_000_000)
        return overflows || sumOverflows ? .max : sum
    }
}
