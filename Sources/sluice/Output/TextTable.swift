import Glibc

/// A table for people: columns as wide as their widest cell, numbers to the right.
struct TextTable {
    enum Alignment {
        case left
        case right
    }

    private let columns: [(title: String, alignment: Alignment)]
    private var rows: [[String]] = []

    init(_ columns: [(title: String, alignment: Alignment)]) { self.columns = columns }

    /// Adds a row; missing cells are empty.
    mutating func add(_ cells: [String]) { rows.append(cells) }

    /// The table, with a bold head when there are colours.
    func text(hasColours: Bool = Terminal.hasColours(STDOUT_FILENO)) -> String {
        let widths = columns.indices.map { column in
            ([columns[column].title] + rows.map { $0.count > column ? $0[column] : "" }).map(\.count).max() ?? 0
        }
        let head = line(columns.map(\.title), widths)
        var output = (hasColours ? Terminal.bold + head + Terminal.plain : head) + "\n"
        for row in rows { output += line(row, widths) + "\n" }
        return output
    }

    private func line(_ cells: [String], _ widths: [Int]) -> String {
        var line = ""
        for column in columns.indices {
            let cell = cells.count > column ? cells[column] : ""
            let padding = String(repeating: " ", count: widths[column] - cell.count)
            if column > 0 { line += "  " }
            line += columns[column].alignment == .right ? padding + cell : cell + padding
        }
        while line.last == " " { line.removeLast() }
        return line
    }
}
