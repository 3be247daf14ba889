// Whether a user's JSON is a JSON Schema. Any thread.
#pragma once
#include "schema/text/codec.hpp"

namespace qflow::schema {

/// Problems in a schema that a user wrote: a keyword with a value of the wrong kind, a reference to nothing.
Problems check_schema(const json::object& schema);

}  // namespace qflow::schema
