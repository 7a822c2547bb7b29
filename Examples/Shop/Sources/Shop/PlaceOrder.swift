import Foundation
import Gateway
import HTTPTypes
import SluiceCore

struct PlaceOrder: Codable {
    var id: Int
    var total: Int

    struct Placed: Codable {
        var id: Int
    }

    static let handler = RequestHandler(.post, "/teams/{team}/orders") { (order: PlaceOrder, context) in
        let team = context.parameters["team"] ?? ""
        guard let principal = context.grant?.principal, ByteString(principal) == ByteString(team) else {
            throw APIError(.forbidden, "This token is not of the team \(team).")
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let change = RecordDraft(
            topic: try Topic("teams/\(team)/orders/\(order.id)"),
            payload: Array(try encoder.encode(order))
        )
        return try .json(Placed(id: order.id), status: .created, changes: [change])
    }
}
