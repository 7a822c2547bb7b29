import ArgumentParser
import Gateway

/// The gateway's flags for the port of operators.
///
/// Their names aren't those of the publisher's: `sluice up` and a configuration file for both give each its own.
struct GatewayOperationsOptions: SettingOptions {
    @Option(
        Setting(
            "gateway-operations-host",
            .text,
            default: "127.0.0.1",
            for: [.gateway],
            "Address of the gateway's own port for operators."
        )
        .fills(gateway: \.operationsHost)
    )
    var gatewayOperationsHost: String?
    @Option(
        Setting(
            "gateway-operations-port",
            .number(0...65_535),
            for: [.gateway],
            "A port of plain HTTP for the gateway's /healthz, /readyz, /metrics and /latency; the last two are on no other then. 0 takes a free one."
        )
        .fills(gateway: \.operationsPort)
    )
    var gatewayOperationsPort: String?
}
