// The upgrade of a connection to a WebSocket. Includes Beast: nobody outside this folder may include this.
#pragma once
#include "daemon/http/connection.hpp"

namespace qflow::http {

using Parser = bhttp::request_parser<bhttp::string_body>;
/// Answers the upgrade and carries messages until the socket is closed. False when there is no room for another socket;
/// nothing was sent then.
Task<bool> serve_socket(std::shared_ptr<Server::Shared> shared, std::shared_ptr<Connection> connection, Parser& parser,
                        const Request& request);

}  // namespace qflow::http
