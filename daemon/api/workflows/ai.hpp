// /ai: explain and optimise answer from the graph itself; generate asks the OpenAI-compatible server that the
// configuration names.
#pragma once
#include "daemon/api/handler.hpp"

namespace qflow::api {

Task<Reply> ai_generate(Services&, const Request&);
Task<Reply> ai_explain(Services&, const Request&);
Task<Reply> ai_optimize(Services&, const Request&);

}  // namespace qflow::api
