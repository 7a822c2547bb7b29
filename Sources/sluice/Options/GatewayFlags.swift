import ArgumentParser

/// All settings of the gateway as flags, for `sluice gateway` and `sluice up`.
struct GatewayFlags: ParsableArguments {
    @OptionGroup(title: "Storage and links") var storage: StorageOptions
    @OptionGroup(title: "Gateway") var gateway: GatewayOptions
    @OptionGroup(title: "TLS") var tls: TLSOptions
    @OptionGroup(title: "Pages, proxies and paths") var access: AccessOptions
    @OptionGroup(title: "Limits by client") var limits: LimitOptions
    @OptionGroup(title: "Compression") var compression: CompressionOptions
    @OptionGroup(title: "TLS on links") var linkTLS: LinkTLSOptions
    @OptionGroup(title: "Operations of the gateway") var operations: GatewayOperationsOptions
    @OptionGroup(title: "Message queues and topics") var queueAPI: QueueAPIOptions
    @OptionGroup(title: "Authorization") var authorizer: AuthorizerOptions

    /// The groups, the common ones left out.
    var groups: [any SettingOptions] {
        [storage, gateway, tls, access, limits, compression, linkTLS, operations, queueAPI, authorizer]
    }
}
