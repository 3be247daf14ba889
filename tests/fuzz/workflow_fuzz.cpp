// A workflow document: whatever it is, it is read and planned or refused with a Fault.
#include "daemon/engine/plan.hpp"
#include "daemon/engine/reader.hpp"
#include "daemon/fault.hpp"
#include "schema/messages.hpp"

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
    engine::make_plan(engine::read_workflow(value.get_object()), settings);
  } catch (const Fault& fault) {
    if (fault.message.empty()) std::abort();
  }
  return 0;
}
