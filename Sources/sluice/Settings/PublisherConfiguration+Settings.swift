import Publisher

extension PublisherConfiguration {
    /// What the settings say.
    /// - Throws: `configuration` for a file with a secret that can't be used.
    init(_ settings: Settings) throws(CommandError) {
        self.init(dataDirectory: settings.text(.data, otherwise: "./sluice-data"))
        settings.assign(.queue, to: &semantics)
        settings.assign(.workers, to: &workers)
        settings.assign(.batchRecords, to: &batchMaximumRecords)
        settings.assign(.batchBytes, to: &batchMaximumBytes)
        settings.assign(.batchWindow, to: &batchWindow)
        settings.assign(.visibilityTimeout, to: &visibilityTimeout)
        settings.assign(.retryMinimum, to: &retryMinimum)
        settings.assign(.retryMaximum, to: &retryMaximum)
        settings.assign(.drainTimeout, to: &drainTimeout)
        linkSecret = try settings.secret(.linkSecret, file: .linkSecretFile)
        settings.assign(.operationsHost, to: &operationsHost)
        settings.assign(.operationsPort, to: &operationsPort)
        settings.assign(.logMapSize, to: &logMapSizeBytes)
    }
}
