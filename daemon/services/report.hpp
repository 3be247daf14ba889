// One execution as one page of HTML that stands by itself: no script, nothing from elsewhere, safe against whatever its
// values, names and outputs are. Any thread.
#pragma once
#include <functional>
#include <string>

#include "daemon/services/execution_record.hpp"

namespace qflow::services {

/// The bytes of a file of the execution; empty when they cannot be read.
using FileReader = std::function<std::string(const store::File& file)>;
/// The graph with the path taken, a timeline, and of every node its inputs, output, prints and errors. `document`: the
/// workflow as it ran, JSON text; empty: it was not kept. Values are shown in part where they are large, and marked so.
std::string report_html(const ExecutionRecord& record, const std::string& document, const FileReader& read);
/// What such a page may load: nothing but what is in it. For the Content-Security-Policy header.
inline constexpr std::string_view kReportPolicy =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";

/// Text as it stands in HTML, also in an attribute with quotes: without meaning, and without control characters.
std::string escaped(std::string_view text);
/// "1.2 ms", "3.4 s"
std::string time_text(double milliseconds);

}  // namespace qflow::services
