extension String {
    /// The string cut to `limit` characters with those escaped that a terminal obeys or nobody sees, so that outside input can stand in a
    /// message or a log line.
    package func printable(limit: Int) -> String {
        var result = ""
        var count = 0
        for scalar in unicodeScalars {
            if count == limit { return result + "…" }
            count += 1
            if scalar.isUnprintable {
                result += scalar.escaped(asASCII: true)
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// The string with those characters escaped, whatever its length: for a line that is written to a terminal.
    package var printable: String {
        unicodeScalars.contains(where: \.isUnprintable) ? printable(limit: .max) : self
    }
}

extension Unicode.Scalar {
    /// Whether a terminal may obey the character rather than show it, or shows nothing of it: controls (C0, DEL, C1), marks of direction, line
    /// and paragraph separators, and what else Unicode calls format or ignorable characters.
    ///
    /// Variation selectors aren't among them: they only choose how the character before them looks.
    package var isUnprintable: Bool {
        if isASCII { return value < 0x20 || value == 0x7F }
        if (0xFE00...0xFE0F).contains(value) { return false }
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: return true
        default: return properties.isDefaultIgnorableCodePoint
        }
    }
}
