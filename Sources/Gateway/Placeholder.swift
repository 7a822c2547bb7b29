import Hummingbird
import JWTKit
import AsyncHTTPClient
import NIOWebSocket
enum GatewayPlaceholder {}
