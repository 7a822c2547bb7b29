/// The hash FNV-1a of 64 bits: the same in every process and version, where Swift's own differs with each start.
package enum FNV1a {
    /// The hash of bytes.
    @inlinable
    package static func hash(_ bytes: some Sequence<UInt8>) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        return hash
    }
}
