// A line of the route table as the transport sees it: what it matches, who may call it, how calls are counted.
#pragma once
#include <string_view>

#include "daemon/auth/rate_limiter.hpp"

namespace qflow::http {

/// Who may call. `open`: everybody; the route may check proof of its own (a sign-in, a webhook's path).
enum class Access { open, user, admin };
/// How large a body may be.
enum class BodySize { small, upload };

struct Endpoint {
  std::string_view method;
  /// "/workflows/{id}"; a literal segment wins over a named segment, "{rest*}" takes the rest.
  std::string_view pattern;
  Access access = Access::user;
  std::string_view scope;  ///< what an API key must cover: "workflows:read"
  auth::Rate rate = auth::Rate::standard;
  std::string_view operation;  ///< stable name: operationId in schema/openapi.yaml, label of metrics
  BodySize body = BodySize::small;
};

}  // namespace qflow::http
