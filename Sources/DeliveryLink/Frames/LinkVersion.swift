/// The version of the link's protocol.
///
/// The hello frame up to the version and the reject frame keep their layout for ever, so that ends of different
/// versions can tell each other so.
enum LinkVersion {
    /// What this end speaks.
    ///
    /// The codec of the records is part of it. 2: the proofs' key is stretched.
    static let current: UInt16 = 2
    /// The first bytes of a hello, "SLNK": whoever connects to the wrong port is told apart.
    static let magic: UInt32 = 0x534C_4E4B
}
