package import NIOCore
import NIOPosix

/// The compressors of one thread, made when they are wanted: an event loop has one of each, however many connections it has.
package final class ThreadCompressors {
    private var deflaters = [RawDeflater?](repeating: nil, count: DeflateWindow.allCases.count)
    private var inflater: RawInflater?

    // Each thread sees only its own.
    private nonisolated(unsafe) static let variable = ThreadSpecificVariable<ThreadCompressors>()

    /// Those of the thread that asks.
    package static var current: ThreadCompressors {
        if let present = variable.currentValue { return present }
        let new = ThreadCompressors()
        variable.currentValue = new
        return new
    }

    /// A compressor; nil when there is no memory for one.
    package func deflater(_ window: DeflateWindow) -> RawDeflater? {
        if let present = deflaters[window.index] { return present }
        let new = try? RawDeflater(window)
        deflaters[window.index] = new
        return new
    }

    /// Inflates a message as ``RawInflater/inflate(_:maximumBytes:)`` does.
    /// - Throws: `InflateError`.
    package func inflate(_ message: ByteBuffer, maximumBytes: Int) throws(InflateError) -> ByteBuffer {
        guard let inflater = try? inflater ?? RawInflater() else { throw .unavailable }
        self.inflater = inflater
        return try inflater.inflate(message, maximumBytes: maximumBytes)
    }
}
