import ArgumentParser

/// The flags that gateway and publisher share beyond the common ones; both must be given the same.
struct StorageOptions: SettingOptions {
    @Option(.logMapSize) var logMapSize: String?
    @Option(.linkSecret) var linkSecret: String?
    @Option(.linkSecretFile) var linkSecretFile: String?

    var given: [(setting: Setting, text: String?)] {
        [(.logMapSize, logMapSize), (.linkSecret, linkSecret), (.linkSecretFile, linkSecretFile)]
    }
}
