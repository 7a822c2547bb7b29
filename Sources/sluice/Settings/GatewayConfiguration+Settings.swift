import ChangeQueue
import Configuration
import DeliveryLink
import Gateway
import SluiceCore
import Synchronization

extension GatewayConfiguration {
    /// What the settings say.
    /// - Throws: `configuration` for a link address, a topic template or a file with a secret that isn't valid.
    init(_ settings: Settings) throws(CommandError) {
        self.init()
        settings.fill(&self)
        linkSecret = try settings.secret(.linkSecret, file: .linkSecretFile)
        isAllowAllChosen =
            settings.source(of: .authorizer) != nil
            && settings[.authorizer] == .text(AuthorizerConfiguration.Kind.allowAll.rawValue)
        try assignParsed(settings)
    }

    private mutating func assignParsed(_ settings: Settings) throws(CommandError) {
        if case .text(let address)? = settings[.link] {
            do throws(LinkError) {
                link = try LinkAddress(address)
            } catch {
                throw CommandError(.configuration, "\(Setting.link.flag): \(error)")
            }
        }
        if case .text(let template)? = settings[.itemTopic] {
            do throws(TopicError) {
                itemTopic = try ItemTopicTemplate(template)
            } catch {
                throw CommandError(.configuration, "\(Setting.itemTopic.flag): \(error.message)")
            }
        }
        guard log.itemsBudgetBytes <= log.mapSizeBytes / 4 * 3 else {
            throw CommandError(
                .configuration,
                "\(Setting.itemsBytes.flag) must leave a quarter of \(Setting.logMapSize.flag) to the records."
            )
        }
        guard webSocket.idleTimeout > webSocket.pingInterval else {
            throw CommandError(
                .configuration,
                "\(Setting.idleTimeout.flag) must be longer than \(Setting.pingInterval.flag), or every quiet connection would be closed."
            )
        }
    }
}

extension AuthorizerConfiguration {
    /// What the settings say; the authorizer itself checks that it is complete.
    /// - Throws: `configuration` for a file with a secret that can't be used.
    init(_ settings: Settings) throws(CommandError) {
        self.init()
        settings.fill(&self)
        try AuthorizerConfiguration.checkTogether(settings, kind)
        if case .text(let secret)? = settings[.jwtSecret] { jwt.secret = Array(secret.utf8) }
        webhook.bearerToken = try settings.secret(.webhookToken, file: .webhookTokenFile)
    }
}

extension AuthorizerConfiguration {
    /// Keys that nobody uses are a mistake which would leave the gateway open, or closed to those whom they were meant for.
    /// - Throws: `configuration`.
    fileprivate static func checkTogether(_ settings: Settings, _ kind: Kind) throws(CommandError) {
        for setting in AuthorizerOptions.settings where settings.source(of: setting) != nil {
            guard let owner = Kind.allCases.first(where: { $0 != .allowAll && setting.belongs(to: $0) }), owner != kind
            else {
                continue
            }
            throw CommandError(
                .configuration,
                """
                \(setting.flag) is set and \(Setting.authorizer.flag) is \(kind.rawValue): settings that don't go together. \
                Set \(Setting.authorizer.flag) \(owner.rawValue), or leave \(setting.flag) out.
                """
            )
        }
    }
}

extension Setting {
    /// Whether the setting is one of that authorizer's own, which its name says.
    fileprivate func belongs(to kind: AuthorizerConfiguration.Kind) -> Bool {
        let name = ByteString(name)
        return switch kind {
        case .allowAll: false
        case .jwt: name.hasPrefix("jwt-") || name.hasPrefix("jwks-")
        case .webhook: name.hasPrefix("webhook-")
        }
    }
}

/// Secrets that may be given as they are or as a file, and who else can read them.
extension Settings {
    /// The settings that name a file with a secret, beside those that the authorizers read themselves.
    private static let secretFiles = [Setting.linkSecretFile, .webhookTokenFile]

    /// The secret that is set itself, or that a file holds.
    /// - Throws: `configuration` when both are set, or the file can't be used.
    func secret(_ setting: Setting, file: Setting) throws(CommandError) -> String? {
        guard case .text(let path)? = self[file] else {
            guard case .text(let secret)? = self[setting] else { return nil }
            return secret
        }
        guard self[setting] == nil else {
            throw CommandError(.configuration, "\(setting.flag) and \(file.flag) are both set: leave one out.")
        }
        return try SettingsFile(path: path, name: "The file of \(file.flag)").secret()
    }

    /// The files with secrets that everyone on the machine can read, and what they hold.
    func readableSecrets(for part: Setting.Part) -> [(path: String, what: String)] {
        var readable: [(path: String, what: String)] = []
        for setting in Settings.secretFiles where setting.parts.contains(part) {
            guard case .text(let path)? = self[setting] else { continue }
            if SettingsFile(path: path, name: "").isWorldReadable { readable.append((path, setting.name)) }
        }
        let inFile = Setting.all.filter { $0.isSecret && source(of: $0) == .file }
        if let path = configurationFile, !inFile.isEmpty, SettingsFile(path: path, name: "").isWorldReadable {
            readable.append((path, inFile.map(\.key).joined(separator: ", ")))
        }
        return readable
    }
}

/// Remembers how the last setting was looked up, so that a message can say which of the sources holds the faulty value.
final class AccessOutcome: AccessReporter {
    // Called on the thread that asks, always before the answer; the lock only satisfies the protocol.
    private let last = Mutex<(source: SettingSource?, hasFailed: Bool)>((nil, false))

    func report(_ event: AccessEvent) {
        var outcome: (source: SettingSource?, hasFailed: Bool) = (nil, false)
        // The providers are asked in the order of precedence until one has the value or can't convert it.
        if let answer = event.providerResults.last {
            let source = SettingSource(rawValue: event.providerResults.count - 1)
            switch answer.result {
            case .success(let found): outcome.source = found.value == nil ? nil : source
            case .failure: outcome = (source, true)
            }
        }
        last.withLock { $0 = outcome }
    }

    /// What the last look-up found: nothing, a value, or one that can't be converted.
    var outcome: (source: SettingSource?, hasFailed: Bool) { last.withLock { $0 } }
}
