extension UInt64 {
    /// The sum, or the largest number when it doesn't fit: deadlines far away stay far away.
    public func saturatingAdd(_ other: UInt64) -> UInt64 {
        let (sum, overflows) = addingReportingOverflow(other)
        return overflows ? .max : sum
    }
}
