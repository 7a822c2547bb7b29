import ChangeQueue
import Gateway
import Logging
import Publisher
import QueueEngine
import SluiceCore
import SubscriptionRegistry

/// Why a command ends without having done its work: an exit code for programs, a message for people.
struct CommandError: Error, Equatable, CustomStringConvertible {
    let status: CommandStatus
    /// What was wrong, with which value, and what to do.
    let description: String
    /// Whether the log has the message already.
    private(set) var isTold = false

    init(_ status: CommandStatus, _ message: String) {
        self.status = status
        description = message
    }

    /// Translates what a part of Sluice threw.
    init(_ error: any Error) {
        switch error {
        case let error as CommandError: self = error
        case let error as GatewayError: self.init(CommandError.status(error.code), error.message)
        case let error as PublisherError: self.init(CommandError.status(error.code), error.message)
        case let error as AuthorizerConfigurationError: self.init(.configuration, error.message)
        case let error as ChangeQueueError: self.init(CommandError.status(error.code), error.message)
        case let error as QueueError: self.init(error)
        case let error as MessageDraft.Violation: self.init(error)
        case let error as StreamError: self.init(CommandError.status(error.code), error.message)
        case let error as RegistryError: self.init(error.code == .notFound ? .noInput : .inputOutput, error.message)
        default: self.init(.software, "Unexpected: \(error)")
        }
    }

    /// Where a program reads the log the last line is one of it too; then nothing more is said on the way out.
    func told(by logger: Logger, _ settings: Settings) -> CommandError {
        guard settings.value(.logFormat) == LogFormat.json else { return self }
        logger.critical("\(description)", metadata: ["exitCode": "\(status.rawValue)"])
        var error = self
        error.isTold = true
        return error
    }

    private static func status(_ code: GatewayError.Code) -> CommandStatus {
        switch code {
        case .unsafeAddress, .configuration: .configuration
        case .portInUse, .cannotListen, .link: .unavailable
        case .dataDirectory: .cannotCreate
        }
    }

    private static func status(_ code: PublisherError.Code) -> CommandStatus {
        switch code {
        case .dataDirectory: .cannotCreate
        case .operationsAddress: .unavailable
        case .configuration: .configuration
        }
    }

    private static func status(_ code: StreamError.Code) -> CommandStatus {
        switch code {
        case .validation: .usage
        case .trimmedDataAccess, .resourceNotFound, .expiredIterator: .noInput
        case .internalServerError: .inputOutput
        }
    }

    private static func status(_ code: ChangeQueueError.Code) -> CommandStatus {
        switch code {
        case .cannotOpen: .noInput
        case .locked: .unavailable
        case .cannotReshard: .usage
        default: .inputOutput
        }
    }
}

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
