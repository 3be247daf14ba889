// Parses multipart/form-data (RFC 7578) from a complete body. Any thread.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace qflow::api {

struct FormPart {
  std::string name, filename, content_type;
  std::string_view content;  ///< within the body
};

/// The parts of `body`. Throws Fault(bad_input) when it does not match `content_type`.
std::vector<FormPart> parse_multipart(std::string_view content_type, std::string_view body);

}  // namespace qflow::api
