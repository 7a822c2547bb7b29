/// Asks until the answer is true. The limit is only for the case of failure, and generous.
func eventually(_ what: String, within limit: Duration = .seconds(30), _ check: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + limit
    while try await !check() {
        guard ContinuousClock.now < deadline else { throw TestFailure("\(what): not within \(limit)") }
        // Another process's state can only be asked for, not waited for.
        try await Task.sleep(for: .milliseconds(20))
    }
}
