import ChangeQueue
import Glibc
import PosixSupport
import SluiceCore
import Synchronization

/// Rings every publisher's ``Doorbell`` of a run directory: one byte to each socket, dropped when the socket is full.
///
/// LMDB can't notify anyone of a commit; a lost ring only costs the publisher's slow poll.
package final class DoorbellRinger: LogSignal {
    private struct State {
        var bells: [UnixAddress] = []
        var scan = DirectoryScan()
    }

    private let directory: String
    private let descriptor: Int32
    private let state = Mutex(State())

    /// Makes a ringer for the bells in the run directory.
    ///
    /// Without a socket of its own it stays silent, and publishers poll.
    package init(_ run: RunDirectory) {
        directory = run.path
        descriptor = socket(AF_UNIX, Doorbell.datagram, 0)
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// Rings; never blocks.
    package func ring() {
        guard descriptor >= 0 else { return }
        state.withLock { state in
            rescanIfChanged(&state)
            state.bells.removeAll { !ring($0) }
        }
    }

    /// - Returns: whether anyone may be there.
    private func ring(_ bell: UnixAddress) -> Bool {
        var byte: UInt8 = 1
        let sent = bell.withPointer { sendto(descriptor, &byte, 1, Int32(MSG_NOSIGNAL), $0, $1) }
        guard sent < 0 else { return true }
        switch errno {
        case ECONNREFUSED:
            // Its process is dead: a killed publisher can't remove its socket.
            unlink(bell.path)
            return false
        case ENOENT: return false
        default: return true
        }
    }

    private func rescanIfChanged(_ state: inout State) {
        guard let changed = FileStamp(path: directory)?.changedAtNanoseconds else { return }
        guard state.scan.isNeeded(changedAtNanoseconds: changed, nowNanoseconds: StageClock.wallNanoseconds()) else {
            return
        }
        var bells: [UnixAddress] = []
        let isRead = Directory.forEachEntry(of: directory) { name in
            guard name.hasSuffix(Doorbell.suffix), let bell = UnixAddress(path: directory + "/" + name) else { return }
            bells.append(bell)
        }
        // Out of descriptors, say: the next ring looks again.
        if isRead { state.bells = bells } else { state.scan.failed() }
    }
}

/// When a directory must be read again, as a value: its time of change says so, but only to the kernel's clock tick.
///
/// A file made in the tick of the last reading would be missed for ever, so a directory that was young then is read
/// again.
struct DirectoryScan {
    private var changedAtNanoseconds: UInt64 = 0
    private var mustRepeat = true

    /// Twice the longest clock tick (100 Hz), with some room.
    private static let tickNanoseconds: UInt64 = 50_000_000

    /// The directory couldn't be read.
    mutating func failed() { mustRepeat = true }

    /// Whether to read the directory now; the answer yes counts as done.
    mutating func isNeeded(changedAtNanoseconds changed: UInt64, nowNanoseconds now: UInt64) -> Bool {
        guard mustRepeat || changed != changedAtNanoseconds else { return false }
        changedAtNanoseconds = changed
        mustRepeat = now < changed || now - changed < DirectoryScan.tickNanoseconds
        return true
    }
}
