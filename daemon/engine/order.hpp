// What to run, and how it is recorded. Plain value.
#pragma once
#include <boost/json/value.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "daemon/base/byte_budget.hpp"
#include "daemon/engine/places.hpp"
#include "daemon/flow/inputs.hpp"
#include "daemon/flow/plan.hpp"
#include "daemon/typing/catalog.hpp"

namespace qflow::engine {
namespace json = boost::json;

struct Order {
  flow::Plan plan;
  std::optional<json::value> input;
  flow::InputRules input_rules = flow::InputRules::whole;
  std::shared_ptr<const flow::GivenInputs> given;  ///< what the command line gave as text and files; null: nothing
  std::map<std::size_t, std::string> pins;         ///< steps that do not run, and their values as JSON text
  std::string execution_id;                        ///< empty: not recorded (a trial run of a node)
  std::optional<std::string> workflow_id;
  std::string workflow_name;
  std::string mode = "manual";
  std::string created_by;               ///< the user; empty: nobody was signed in
  std::optional<std::string> retry_of;  ///< the execution that this one repeats
  std::string document;     ///< the workflow as JSON, to be kept with the record; empty: none, or it is kept by now
  bool resumable = false;   ///< the record has all that another process would need to run it
  std::uint64_t quota = 0;  ///< bytes that the user may keep; 0: any number
  bool queued = false;      ///< its record says that it waits for a place
  bool input_is_recorded = false;          ///< `input` was dropped while it waits, and is read back when it begins
  std::shared_ptr<ByteBudget::Hold> room;  ///< for what it takes while it waits; null: that is little
  std::shared_ptr<Ticket> ticket;          ///< counts it as waiting until it has a place; null: not counted
  std::shared_ptr<const typing::Catalog> catalog;  ///< users' types; null: none. Shared with other executions
};

}  // namespace qflow::engine
