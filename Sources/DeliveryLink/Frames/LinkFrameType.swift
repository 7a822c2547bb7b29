/// A frame's first byte.
///
/// Numbers are never reused.
enum LinkFrameType: UInt8 {
    case hello = 1
    case challenge = 2
    case proof = 3
    case welcome = 4
    case reject = 5
    case delivery = 6
    case receipt = 7
    case ping = 8
    case pong = 9
    case drain = 10
}
