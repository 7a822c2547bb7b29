/// What `sluice up` does about its two processes, as a value: what happened in, what to do out.
///
/// Neither is restarted: that is the business of whoever supervises a server. When one ends by itself, the other is drained and
/// the exit code is that of the one that ended first.
struct UpState: Equatable {
    enum Event: Equatable, Sendable {
        /// The process accepts connections at the address.
        case listening(Setting.Part, address: String)
        /// The process ended, with the exit code that a shell would show.
        case ended(Setting.Part, code: Int32)
        /// SIGTERM or SIGINT.
        case signal
    }

    enum Action: Equatable {
        /// Both processes are up: tell people where.
        case announce(gateway: String)
        /// Send SIGTERM.
        case stop(Setting.Part)
        /// Say that the process ended by itself.
        case report(Setting.Part, code: Int32)
        /// Both have ended: end with the code.
        case finish(code: Int32)
    }

    private var running: Set<Setting.Part> = Set(Setting.Part.allCases)
    private var addresses: [Setting.Part: String] = [:]
    private var isStopping = false
    private var code: Int32 = 0

    mutating func handle(_ event: Event) -> [Action] {
        switch event {
        case .listening(let part, let address):
            addresses[part] = address
            guard !isStopping, addresses.count == Setting.Part.allCases.count, let gateway = addresses[.gateway] else {
                return []
            }
            return [.announce(gateway: gateway)]
        case .signal:
            // The processes end at once when they are asked a second time, so every signal is passed on.
            isStopping = true
            return running.sorted { $0.rawValue < $1.rawValue }.map(Action.stop)
        case .ended(let part, let ended):
            guard running.remove(part) != nil else { return [] }
            var actions: [Action] = []
            if !isStopping {
                isStopping = true
                code = ended == 0 ? CommandStatus.software.rawValue : ended
                actions.append(.report(part, code: ended))
                actions += running.map(Action.stop)
            } else if code == 0 {
                code = ended
            }
            if running.isEmpty { actions.append(.finish(code: code)) }
            return actions
        }
    }
}
