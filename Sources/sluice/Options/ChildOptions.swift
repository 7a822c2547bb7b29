import ArgumentParser

/// What `sluice up` tells the processes that it starts.
struct ChildOptions: ParsableArguments {
    @Flag(
        name: .customLong("until-standard-input-closes"),
        help: ArgumentHelp("Drain and end when standard input is closed.", visibility: .hidden)
    )
    var untilStandardInputCloses = false
}
