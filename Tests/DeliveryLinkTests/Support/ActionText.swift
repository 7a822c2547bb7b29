import SluiceCore

@testable import DeliveryLink

extension LinkServerSession.Action {
    /// The action in a word or two, to compare and to read.
    var text: String {
        switch self {
        case .nothing: "nothing"
        case .write(let frame): "write \(frame.name)"
        case .seek: "seek"
        case .open: "open"
        case .deliver(let delivery): "deliver \(delivery.id)"
        case .reject(let error): "reject \(error.code)"
        case .close(let error): "close \(error.code)"
        }
    }
}

extension LinkClientSession.Action {
    /// The action in a word or two, to compare and to read.
    var text: String {
        switch self {
        case .nothing: "nothing"
        case .write(let frame): "write \(frame.name)"
        case .open: "open"
        case .receipt(let receipt): "receipt \(receipt.deliveryID)"
        case .reject(let error): "reject \(error.code)"
        case .close(let error): "close \(error.code)"
        }
    }
}
