import SluiceCore

/// Which shard a topic belongs to: the same in every process and for ever, so that a topic's records have one reader.
enum ShardKey {
    /// FNV-1a over the topic's bytes; its low bits are folded, since short names differ little in them.
    static func shard(of topic: Topic, count: Int) -> Int {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in topic.name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        return Int((hash ^ hash >> 32) % UInt64(max(count, 1)))
    }
}
