import ChangeQueue
import DeliveryLink
import Gateway
import SluiceCore

extension GatewayConfiguration {
    /// What the settings say.
    /// - Throws: `configuration` for a link address, a topic template or a file with a secret that isn't valid.
    init(_ settings: Settings) throws(CommandError) {
        self.init()
        settings.assign(.data, to: &dataDirectory)
        settings.assign(.queue, to: &queue)
        settings.assign(.host, to: &host)
        settings.assign(.port, to: &port)
        settings.assign(.allowedHosts, to: &allowedHosts)
        settings.assign(.name, to: &name)
        linkSecret = try settings.secret(.linkSecret, file: .linkSecretFile)
        settings.assign(.eventLoops, to: &eventLoops)
        settings.assign(.listenBacklog, to: &listenBacklog)
        settings.assign(.logMapSize, to: &log.mapSizeBytes)
        settings.assign(.retentionAge, to: &log.retentionAge)
        settings.assign(.retentionBytes, to: &log.retentionBytes)
        settings.assign(.itemsBytes, to: &log.itemsBytes)
        settings.assign(.principalItemsBytes, to: &quotas.itemsBytes)
        settings.assign(.maximumTopics, to: &log.maximumTopics)
        settings.assign(.principalTopics, to: &quotas.topics)
        settings.assign(.principalTopicsPerSecond, to: &quotas.topicsPerSecond)
        settings.assign(.payloadBytes, to: &http.payloadBytes)
        settings.assign(.requestBytes, to: &http.batchBytes)
        settings.assign(.httpIdleTimeout, to: &http.idleTimeout)
        settings.assign(.itemImage, to: &itemImage)
        settings.assign(.subscriptionsPerConnection, to: &webSocket.subscriptionsPerConnection)
        settings.assign(.messageBytes, to: &webSocket.messageBytes)
        settings.assign(.unfinishedBytes, to: &http.unfinishedBytes)
        settings.assign(.unwrittenBytes, to: &webSocket.unwrittenBytes)
        settings.assign(.pingInterval, to: &webSocket.pingInterval)
        settings.assign(.idleTimeout, to: &webSocket.idleTimeout)
        settings.assign(.messageTimeout, to: &webSocket.messageTimeout)
        settings.assign(.echo, to: &webSocket.isEchoEnabled)
        settings.assign(.drainWindow, to: &drainWindow)
        settings.assign(.drainDeadline, to: &drainDeadline)
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
            do throws(APIError) {
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
