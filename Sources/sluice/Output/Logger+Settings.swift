import Logging
import SluiceCore

extension Logger {
    /// A logger as the settings ask for; every part is given one, nothing is global.
    init(label: String, _ settings: Settings) {
        let format: LogFormat = settings.value(.logFormat) ?? .text
        self.init(label: label) { label in
            switch format {
            case .text: StreamLogHandler(label: label, stream: PrintableErrorStream())
            case .json: JSONLogHandler(label: label)
            }
        }
        logLevel = settings.value(.logLevel) ?? .info
    }

    /// Says what was chosen, and warns of variables that are no settings and of secrets that others can read.
    func report(_ settings: Settings, for part: Setting.Part) {
        for variable in settings.unknownVariables {
            warning(
                "environment variable is no setting and has no effect",
                metadata: ["variable": "\(variable.printable(limit: 80))"]
            )
        }
        for (path, what) in settings.readableSecrets(for: part) {
            warning(
                "Everyone on this machine can read a file with secrets; chmod 600 it",
                metadata: ["path": "\(path.printable(limit: 200))", "holds": "\(what)"]
            )
        }
        for setting in Setting.all where setting.parts.contains(part) {
            guard let source = settings.source(of: setting), let value = settings[setting] else { continue }
            debug(
                "setting",
                metadata: [
                    "name": "\(setting.name)", "value": "\(setting.isSecret ? "(secret)" : value.text)",
                    "source": "\(source)",
                ]
            )
        }
    }
}

/// How log lines are written.
enum LogFormat: String, CaseIterable, Sendable {
    /// For people.
    case text
    /// One JSON object a line.
    case json
}
