/// How long a record waits before it is delivered again: doubling from the minimum to the maximum.
struct RetryBackoff {
    let minimum: Duration
    let maximum: Duration

    /// The wait after the `attempt`-th receive, counted from 1.
    func delay(afterAttempt attempt: Int) -> Duration {
        let doublings = min(max(0, attempt - 1), 20)
        return min(maximum, minimum * (1 << doublings))
    }
}
