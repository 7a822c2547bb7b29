import SluiceCore
import SubscriptionRegistry

/// Subscribe requests that wait for their commit, as a value: which of them the next transaction serves.
///
/// A transaction is bounded by its topics. Half of it is for whoever has waited longest, half for small requests: a client that wants one
/// topic doesn't wait behind ten thousand that come back with a hundred each.
struct WaitingSubscribes {
    /// Topics up to which a request is small.
    private static let smallTopics = 16

    private var small: [SubscribeRequest] = []
    private var large: [SubscribeRequest] = []
    private var smallTaken = 0
    private var largeTaken = 0
    private var arrivals: UInt64 = 0

    var isEmpty: Bool { smallTaken == small.count && largeTaken == large.count }

    var count: Int { small.count - smallTaken + large.count - largeTaken }

    /// All that wait.
    var all: [SubscribeRequest] { Array(small[smallTaken...]) + large[largeTaken...] }

    /// Adds a request.
    mutating func append(_ request: SubscribeRequest) {
        var request = request
        arrivals += 1
        request.arrival = arrivals
        if request.topics.count <= WaitingSubscribes.smallTopics {
            small.append(request)
        } else {
            large.append(request)
        }
    }

    /// Takes the requests of the next transaction: about so many topics, and one request at least.
    mutating func takeFirst(topics maximum: Int) -> [SubscribeRequest] {
        var taken: [SubscribeRequest] = []
        var topics = 0
        // The oldest, of either size.
        while topics < maximum / 2, let request = takeOldest() {
            taken.append(request)
            topics += max(request.topics.count, 1)
        }
        while topics < maximum, smallTaken < small.count {
            taken.append(small[smallTaken])
            topics += max(small[smallTaken].topics.count, 1)
            smallTaken += 1
        }
        while topics < maximum, let request = takeOldest() {
            taken.append(request)
            topics += max(request.topics.count, 1)
        }
        compact()
        return taken
    }

    /// Takes all.
    mutating func takeAll() -> [SubscribeRequest] {
        defer { (small, large, smallTaken, largeTaken) = ([], [], 0, 0) }
        return all
    }

    private mutating func takeOldest() -> SubscribeRequest? {
        let first = smallTaken < small.count ? small[smallTaken] : nil
        let second = largeTaken < large.count ? large[largeTaken] : nil
        guard let first else {
            if second != nil { largeTaken += 1 }
            return second
        }
        guard let second, second.arrival < first.arrival else {
            smallTaken += 1
            return first
        }
        largeTaken += 1
        return second
    }

    /// Lets go what was taken, once that is half of it.
    private mutating func compact() {
        if smallTaken > small.count / 2 {
            small.removeFirst(smallTaken)
            smallTaken = 0
        }
        if largeTaken > large.count / 2 {
            large.removeFirst(largeTaken)
            largeTaken = 0
        }
    }
}
