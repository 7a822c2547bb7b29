import NIOCore

/// Each fills a property of a configuration from its setting, and leaves it alone when the setting has no value.
extension Settings {
    func assign(_ setting: Setting, to value: inout String) {
        if case .text(let text)? = self[setting] { value = text }
    }

    func assign(_ setting: Setting, to value: inout String?) {
        if case .text(let text)? = self[setting] { value = text }
    }

    func assign(_ setting: Setting, to value: inout Int) {
        if case .number(let number)? = self[setting] { value = number }
    }

    func assign(_ setting: Setting, to value: inout Int?) {
        if case .number(let number)? = self[setting] { value = number }
    }

    func assign(_ setting: Setting, to value: inout Bool) {
        if case .onOff(let isOn)? = self[setting] { value = isOn }
    }

    func assign(_ setting: Setting, to value: inout Duration) {
        if case .duration(let duration)? = self[setting] { value = duration }
    }

    func assign(_ setting: Setting, to value: inout TimeAmount) {
        if case .duration(let duration)? = self[setting] { value = TimeAmount(duration) }
    }

    func assign(_ setting: Setting, to value: inout [String]) {
        if case .list(let list)? = self[setting] { value = list }
    }

    func assign(_ setting: Setting, to value: inout [String]?) {
        if case .list(let list)? = self[setting] { value = list }
    }

    func assign<Choice: RawRepresentable<String>>(_ setting: Setting, to value: inout Choice) {
        if case .text(let text)? = self[setting], let choice = Choice(rawValue: text) { value = choice }
    }

    /// The setting's text, or what `otherwise` says.
    func text(_ setting: Setting, otherwise: String) -> String {
        var text = otherwise
        assign(setting, to: &text)
        return text
    }
}
