// Has the configured AI server (OpenAI's protocol) write a node's code. Io threads.
#pragma once
#include <string>

#include "daemon/services/services.hpp"

namespace qflow::services {

struct WrittenCode {
  std::string code;  ///< the Python between ``` fences, or the whole answer
  std::string text;  ///< the whole answer
  std::string model;
};

/// `prompt`: what the code is to do, in a person's words. Waits for the server on a thread of Services::asking. Throws
/// Fault: not_implemented when no server is configured; unavailable when it does not answer as it should.
Task<WrittenCode> write_code(Services& services, std::string prompt);

}  // namespace qflow::services
