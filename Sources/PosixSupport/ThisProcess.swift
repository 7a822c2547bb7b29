import Glibc

/// This process as the system knows it.
package enum ThisProcess {
    /// Its number.
    package static var id: Int32 { getpid() }
    /// The number of the user that it acts as.
    package static var userID: UInt32 { geteuid() }
}
