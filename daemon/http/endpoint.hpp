// A line of the route table as the transport sees it: what is matched, who may call, how it is counted.
#pragma once
#include <string_view>

namespace qflow::http {

/// Who may call. `open`: everybody; the route may look for proof of its own (a sign-in, a webhook's path).
enum class Access { open, user, admin };
/// What counts a call (api.md 8).
enum class Rate { none, standard, executions, containers, webhooks };
/// How large a body may be.
enum class Body { small, upload };

struct Endpoint {
  std::string_view method;
  std::string_view
      pattern;  ///< "/workflows/{id}"; a literal segment wins over a named one, "{rest*}" takes all that is left
  Access access = Access::user;
  std::string_view scope;  ///< what an API key must reach: "workflows:read"
  Rate rate = Rate::standard;
  std::string_view operation;  ///< stable name: operationId in schema/openapi.yaml, label of metrics
  Body body = Body::small;
};

}  // namespace qflow::http
