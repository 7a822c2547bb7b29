/// What a command's exit code says, after `sysexits.h`; docs/operations.md lists them.
enum CommandStatus: Int32, CaseIterable, Sendable {
    /// The command line isn't right.
    case usage = 64
    /// What the command should read isn't there.
    case noInput = 66
    /// A process or port that is needed isn't available.
    case unavailable = 69
    /// A fault of ours, or a child process that ended by itself.
    case software = 70
    /// The data directory can't be made or written to.
    case cannotCreate = 73
    /// Reading or writing failed.
    case inputOutput = 74
    /// A variable, the configuration file, or settings that don't go together.
    case configuration = 78
}
