// The description of this dialect, schema/openapi.yaml, as it is part of the program. Any thread.
#pragma once
#include <string_view>

namespace qflow::api {

/// JSON text; lives as long as the program.
std::string_view openapi_json();
/// The same as HTML, without the frame of a page.
std::string_view docs_html();

}  // namespace qflow::api
