import ArgumentParser

/// The names of what there is to measure.
struct ListCases: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "Lists the cases.")

    @OptionGroup var selection: Selection

    func run() throws {
        if selection.json { return try JSONOutput.write(selection.cases.map { CaseDescription($0) }) }
        for one in selection.cases { print(one.fullName) }
    }
}
