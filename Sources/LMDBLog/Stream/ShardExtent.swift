import PosixSupport
import QueueEngine
import SluiceCore

/// Which records are a shard's: those whose topic's hash lies in its range, from one place of the log to another.
struct ShardExtent: Hashable, Sendable {
    /// The shard's number: rising, and never given twice.
    let id: UInt64
    /// The hashes of its topics.
    let hashes: HashRange
    /// Its records come after this one.
    var beginning: UInt64
    /// Its last record may be this one, when it was split or merged; nil as long as it is open.
    var end: UInt64?

    /// A shard that is open from the record after `beginning` on.
    init(id: UInt64, hashes: HashRange, beginning: UInt64, end: UInt64? = nil) {
        self.id = id
        self.hashes = hashes
        self.beginning = beginning
        self.end = end
    }

    /// What a handle says of its shard; no two shards of a stream have the same.
    var handleByte: UInt8 { UInt8(truncatingIfNeeded: id) }

    /// Whether the records of the other one come before its own, for some topic.
    func isChild(of parent: ShardExtent) -> Bool {
        guard let end = parent.end, parent.id != id else { return false }
        // Of two that begin and end at the same place, the older one comes first: nothing is in the younger one yet.
        return end <= beginning && parent.id < id && hashes.overlaps(parent.hashes)
    }
}

/// Where a topic lies in the hash space: the same in every process and for ever, so that a topic's records have one
/// reader.
enum ShardKey {
    /// FNV-1a over the topic's bytes, its high bits made of all the others: short names differ little in FNV's own.
    static func hash(of topic: Topic) -> UInt64 { spread(FNV1a.hash(topic.name.utf8)) }

    /// Spreads what differs in some bits over all of them.
    static func spread(_ hash: UInt64) -> UInt64 { (hash ^ hash >> 32) &* 0x9E37_79B9_7F4A_7C15 }
}

/// Finds the shard of a record in a table, or by two binary searches near the shards' borders, however many shards there are and were.
///
/// A value made of the shards' extents; it is made anew when they change.
struct ShardMap: Hashable, Sendable {
    /// What it was made of.
    let extents: [ShardExtent]
    /// Where each part of the hash space begins that no shard's border divides, ascending.
    private let parts: [UInt64]
    /// For each part where its shards stand in `shards`, and one more: the end.
    private let offsets: [Int]
    /// The shards of each part, in the order of their records.
    private let shards: [Int]
    /// For each value of the hash's highest byte the part that it begins in.
    private let coarse: [Int]
    /// For each value of the hash's highest bits the shard, where all those hashes have an open one and no other; else -1.
    private let direct: [Int16]
    private static let directBits = 12
    /// For each of a handle's bytes the shard, or -1.
    private let handles: [Int16]

    /// No shards.
    static let empty = ShardMap([])

    /// Takes the shards in their order.
    init(_ extents: [ShardExtent]) {
        self.extents = extents
        // Where one ends another one needn't begin: what was beside it may be gone.
        let ends = extents.map(\.hashes.last).filter { $0 < .max }.map { $0 + 1 }
        let parts = Set(extents.map(\.hashes.first) + ends + [0]).sorted()
        var (offsets, shards) = ([0], [Int]())
        for part in parts {
            shards += extents.indices.filter { extents[$0].hashes.contains(part) }
                .sorted { (extents[$0].beginning, extents[$0].id) < (extents[$1].beginning, extents[$1].id) }
            offsets.append(shards.count)
        }
        self.parts = parts
        self.offsets = offsets
        self.shards = shards
        var coarse: [Int] = []
        var part = 0
        for byte in 0..<UInt64(256) {
            while part + 1 < parts.count, parts[part + 1] <= byte << 56 { part += 1 }
            coarse.append(part)
        }
        self.coarse = coarse + [parts.count - 1]
        var direct = Array(repeating: Int16(-1), count: 1 << ShardMap.directBits)
        for part in parts.indices where offsets[part + 1] - offsets[part] == 1 {
            let index = shards[offsets[part]]
            guard extents[index].end == nil else { continue }
            let shift = UInt64(UInt64.bitWidth - ShardMap.directBits)
            let whole = (UInt64(1) << shift) - 1
            // Values of the high bits whose hashes are all in the part.
            let first = (parts[part] >> shift) + (parts[part] & whole == 0 ? 0 : 1)
            let end = part + 1 < parts.count ? parts[part + 1] >> shift : UInt64(direct.count)
            for value in first..<max(first, end) { direct[Int(value)] = Int16(clamping: index) }
        }
        self.direct = direct
        var handles = Array(repeating: Int16(-1), count: 256)
        for (index, extent) in extents.enumerated() { handles[Int(extent.handleByte)] = Int16(clamping: index) }
        self.handles = handles
    }

    /// Whether it is the map of these shards.
    func isOf(_ shards: [Shard]) -> Bool {
        guard shards.count == extents.count else { return false }
        for index in extents.indices where extents[index] != shards[index].extent { return false }
        return true
    }

    /// The shard of a record; nil when it isn't there any more, since all of it is retired.
    func shard(ofHash hash: UInt64, at sequence: UInt64) -> Int? {
        let index = Int(direct[Int(hash >> UInt64(UInt64.bitWidth - ShardMap.directBits))])
        if index >= 0 { return extents[index].beginning < sequence ? index : nil }
        return search(hash, at: sequence)
    }

    private func search(_ hash: UInt64, at sequence: UInt64) -> Int? {
        let byte = Int(hash >> 56)
        var (low, high) = (coarse[byte], coarse[byte + 1])
        while low < high {
            let middle = (low + high + 1) / 2
            if parts[middle] <= hash { low = middle } else { high = middle - 1 }
        }
        var (first, end) = (offsets[low], offsets[low + 1])
        // Nearly always there is one only.
        while first < end {
            let middle = (first + end) / 2
            if let last = extents[shards[middle]].end, last < sequence { first = middle + 1 } else { end = middle }
        }
        guard first < offsets[low + 1] else { return nil }
        let index = shards[first]
        return extents[index].beginning < sequence ? index : nil
    }

    /// The shard of a handle; nil when there is none.
    func shard(ofHandleByte byte: UInt8) -> Int? {
        let index = handles[Int(byte)]
        return index < 0 ? nil : Int(index)
    }
}
