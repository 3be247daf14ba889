// A workflow document: any document is read and planned, or refused with a Fault.
#include "daemon/base/fault.hpp"
#include "daemon/flow/plan.hpp"
#include "daemon/flow/workflow_reader.hpp"
#include "schema/messages.hpp"
#include "schema/text/parse_json.hpp"

using namespace qflow;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string error;
  const boost::json::value value = schema::parse_json({reinterpret_cast<const char*>(data), size}, error, 128);
  if (!error.empty() || !value.is_object()) return 0;
  static const workers::Settings settings = [] {
    workers::Settings s;
    s.pythons = {{"3.11", "pyhost"}};
    s.default_python = "3.11";
    return s;
  }();
  try {
    flow::make_plan(flow::read_workflow(value.get_object()), settings);
  } catch (const Fault& fault) {
    if (fault.message.empty()) std::abort();
  }
  return 0;
}
