#include <doctest/doctest.h>

#include "daemon/engine/kept_files.hpp"

using namespace qflow;

TEST_CASE("file names are safe, whatever a worker says") {
  CHECK(engine::safe_filename("Report", "page", ".html") == "report-page.html");
  CHECK(engine::safe_filename("../../etc", "../x", ".sh") == "etc-x.bin");
  CHECK(engine::safe_filename("", "", "/../../x") == "file.bin");
  CHECK(engine::safe_filename("chart", "", ".svg") == "chart.svg");
  CHECK(engine::kept_name("my report (final).csv") == "my report (final).csv");
  CHECK(engine::kept_name("../../etc/passwd") == "_.._etc_passwd");
  CHECK(engine::kept_name(".bashrc") == "bashrc");
  CHECK(engine::kept_name("--rf\n\x1b[31m") == "rf__[31m");
  CHECK(engine::kept_name("Übersicht.csv") == "Übersicht.csv");
  CHECK(engine::kept_name("...").empty());
  CHECK(engine::numbered("plot.png", 2) == "plot-2.png");
  CHECK(engine::numbered("plot", 3) == "plot-3");
  CHECK(engine::mime_type("a.svg") == "image/svg+xml");
}
