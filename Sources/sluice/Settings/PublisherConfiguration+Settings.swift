import Publisher

extension PublisherConfiguration {
    /// What the settings say.
    /// - Throws: `configuration` for a file with a secret that can't be used.
    init(_ settings: Settings) throws(CommandError) {
        self.init(dataDirectory: settings.text(.data, otherwise: "./sluice-data"))
        settings.fill(&self)
        linkSecret = try settings.secret(.linkSecret, file: .linkSecretFile)
    }
}
