import Gateway
import SluiceCore

struct TeamAuthorizer: Authorizer {
    let basis = GrantBasis.token

    func connect(_ request: ConnectRequest) async throws(APIError) -> Grant {
        guard let team = request.token, ["red", "blue"].contains(team) else {
            throw APIError(.unauthorized, "Send the team's token as Authorization: Bearer …")
        }
        guard let topics = try? TopicPattern("teams/\(team)/#") else {
            throw APIError(.forbidden, "The team \(team) has no topics.")
        }
        return Grant(principal: team, subscribe: [topics], publish: [])
    }
}
