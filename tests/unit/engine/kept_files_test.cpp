#include <doctest/doctest.h>

#include "daemon/engine/kept_files.hpp"

using namespace qflow;

TEST_CASE("file names are safe, whatever a worker says") {
  CHECK(engine::safe_filename("Report", "page", ".html") == "report-page.html");
  CHECK(engine::safe_filename("../../etc", "../x", ".sh") == "etc-x.bin");
  CHECK(engine::safe_filename("", "", "/../../x") == "file.bin");
  CHECK(engine::safe_filename("chart", "", ".svg") == "chart.svg");
  CHECK(engine::mime_type("a.svg") == "image/svg+xml");
}
