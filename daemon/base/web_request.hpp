// One HTTP request to another server, by libcurl. Any thread; blocks.
#pragma once
#include <chrono>
#include <string>
#include <vector>

namespace qflow {

struct WebRequest {
  std::string method = "GET", url;   ///< http or https
  std::vector<std::string> headers;  ///< "Name: value"
  std::string body;                  ///< empty: none
  std::chrono::milliseconds patience{30'000};
  std::size_t most = 4U << 20U;  ///< bytes of the answer; a larger one is a problem
};
struct WebAnswer {
  long status = 0;
  std::string body;
  std::string problem;  ///< why there is no answer; empty: there is one
};
WebAnswer send(const WebRequest& request);

}  // namespace qflow
