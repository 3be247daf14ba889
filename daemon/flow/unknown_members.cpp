#include "daemon/flow/unknown_members.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "daemon/base/near_name.hpp"
#include "daemon/flow/control_types.hpp"
#include "schema/text/pointer.hpp"

namespace qflow::flow {
namespace {

using Names = std::vector<std::string>;

constexpr std::size_t kMost = 50;
constexpr std::size_t kMostLooks = 2000;  // each compares with some forty names

// First what can be meant, then what is only known: n8n's own, and what replies add.
struct Known {
  Names ours, others;
};

const Known kWorkflow{{"name", "description", "active", "nodes", "connections", "settings", "python_version", "sandbox",
                       "modules", "tags", "pinData", "dependencies", "parentFolderId"},
                      {"id",
                       "workflowId",
                       "createdAt",
                       "updatedAt",
                       "versionId",
                       "version",
                       "meta",
                       "staticData",
                       "isArchived",
                       "isTemplate",
                       "homeProject",
                       "sharedWithProjects",
                       "scopes",
                       "triggerCount",
                       "shared",
                       "usedCredentials",
                       "parentFolder",
                       "templateId",
                       "templateCredsSetupCompleted",
                       "ownedBy",
                       "author",
                       "findings",
                       "warnings",
                       "errors",
                       "left_out",
                       "projectId",
                       "input_data",
                       "created_at",
                       "updated_at",
                       "created_by",
                       "user_id",
                       "metadata",
                       "category",
                       "color",
                       "hash",
                       "nodeGroups",
                       "viewport",
                       "edges",
                       "$schema"}};
const Known kSettings{{"python_version", "container", "sandbox", "types", "timeout", "timezone", "errorWorkflow",
                       "parallel", "checkpoint", "onCrash", "concurrency", "priority", "reuse", "dependencies",
                       "callerPolicy", "network", "memory", "executionTimeout"},
                      {"executionOrder", "saveExecutionProgress", "saveManualExecutions", "saveDataErrorExecution",
                       "saveDataSuccessExecution", "callerIds", "timeSavedPerExecution", "availableInMCP",
                       "timeSavedMode", "binaryMode", "redactionPolicy", "saveDataProgressExecution"}};
const Known kNode{
    {"id",         "name",          "type",           "parameters",  "data",        "code",     "file",
     "function",   "main_function", "python_version", "timeout",     "memory",      "sandbox",  "ports",
     "outputs",    "inputs",        "disabled",       "credentials", "retryOnFail", "maxTries", "waitBetweenTries",
     "idempotent", "cache",         "onError",        "backoff",     "jitter",      "retryOn",  "from",
     "to",         "items",         "dependencies"},
    {"typeVersion",
     "position",
     "notes",
     "notesInFlow",
     "alwaysOutputData",
     "executeOnce",
     "webhookId",
     "continueOnFail",
     "color",
     "icon",
     "label",
     "description",
     "issues",
     "status",
     "width",
     "height",
     "extendsCredential",
     "category",
     "draggable",
     "rewireOutputLogTo",
     "retryBackoff",
     "cache",
     "checkpoint",
     "container",
     "environment",
     "metadata"}};

const Known kConnection{{"source", "target"},
                        {"id", "type", "label", "data", "animated", "style", "selected", "metadata"}};
const Known kEnd{{"nodeId", "node", "output", "input", "port", "index", "handle"}, {"type", "label"}};
const Known kTarget{{"node", "type", "index"}, {}};

class Finder {
 public:
  void look(const json::object& object, const std::string& pointer, const Known& known, bool only_near) {
    for (const auto& [key, value] : object) {
      const std::string name(key);
      if (has(known.ours, name) || has(known.others, name) || name.starts_with('_')) continue;
      if (++looked_at_ > kMostLooks) return;
      std::string like = near_name(name, known.ours);
      if ((only_near && like.empty()) || found.size() >= kMost) continue;
      found.push_back({pointer + "/" + schema::escape_pointer(name), std::move(like)});
    }
  }
  std::vector<UnknownMember> found;

 private:
  std::size_t looked_at_ = 0;
  static bool has(const Names& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  }
};

// A node of ours: what others' nodes have is theirs.
bool is_ours(const json::object& node) {
  const json::value* type = node.if_contains("type");
  return type == nullptr ||
         (type->is_string() && (type->get_string().starts_with("qflow.") || type->get_string() == "python"));
}

// What a node of its type may have.
Known known_in(const json::object& node) {
  Known known = kNode;
  const json::value* type = node.if_contains("type");
  if (type != nullptr && type->is_string())
    if (const ControlType* flow = find_control_type(type->get_string()))
      for (const ControlParameter& one : flow->parameters) known.ours.push_back(one.name);
  return known;
}

// In a list, what is not known is a mistake: nothing reads it, and the value goes elsewhere. In n8n's form, only what
// is nearly right is.
void look_at_connections(Finder& finder, const json::value& connections) {
  if (const auto* list = connections.if_array()) {
    for (std::size_t i = 0; i < list->size() && i < 10'000; ++i) {
      const auto* one = (*list)[i].if_object();
      if (one == nullptr) continue;
      const std::string pointer = fmt::format("/connections/{}", i);
      finder.look(*one, pointer, kConnection, false);
      for (const char* side : {"source", "target"})
        if (const json::value* end = one->if_contains(side); end != nullptr && end->is_object())
          finder.look(end->get_object(), pointer + "/" + side, kEnd, false);
    }
    return;
  }
  const auto* sources = connections.if_object();
  if (sources == nullptr) return;
  for (const auto& [source, ports] : *sources) {
    if (!ports.is_object()) continue;
    for (const auto& [port, outputs] : ports.get_object()) {
      if (!outputs.is_array()) continue;
      const std::string pointer = fmt::format("/connections/{}/{}", schema::escape_pointer(std::string(source)),
                                              schema::escape_pointer(std::string(port)));
      for (std::size_t i = 0; i < outputs.get_array().size(); ++i) {
        const auto* targets = outputs.get_array()[i].if_array();
        for (std::size_t k = 0; targets != nullptr && k < targets->size(); ++k)
          if (const auto* target = (*targets)[k].if_object())
            finder.look(*target, fmt::format("{}/{}/{}", pointer, i, k), kTarget, true);
      }
    }
  }
}

}  // namespace

std::string UnknownMember::sentence() const {
  return fmt::format("{}: there is no such member{}", pointer, like.empty() ? "" : "; did you mean " + like + "?");
}

std::vector<UnknownMember> unknown_members(const json::object& workflow) {
  Finder finder;
  finder.look(workflow, "", kWorkflow, false);
  if (const json::value* settings = workflow.if_contains("settings"); settings != nullptr && settings->is_object())
    finder.look(settings->get_object(), "/settings", kSettings, false);
  if (const json::value* connections = workflow.if_contains("connections")) look_at_connections(finder, *connections);
  const json::value* nodes = workflow.if_contains("nodes");
  if (nodes == nullptr || !nodes->is_array()) return std::move(finder.found);
  for (std::size_t i = 0; i < nodes->get_array().size(); ++i) {
    const json::object* node = nodes->get_array()[i].if_object();
    if (node == nullptr || !is_ours(*node)) continue;
    const std::string pointer = fmt::format("/nodes/{}", i);
    const Known known = known_in(*node);
    finder.look(*node, pointer, known, false);
    for (const char* inner : {"data", "parameters"})
      if (const json::value* object = node->if_contains(inner); object != nullptr && object->is_object())
        finder.look(object->get_object(), pointer + "/" + inner, known, true);
  }
  return std::move(finder.found);
}

}  // namespace qflow::flow
