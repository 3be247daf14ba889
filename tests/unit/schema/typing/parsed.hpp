// What tests of types begin with: a type as it is written in Python.
#pragma once
#include <doctest/doctest.h>

#include "schema/typing/parse.hpp"

namespace qflow::test {

/// Fails the test when `written` is no type.
inline schema::Type parsed(const char* written) {
  const schema::ParsedType out = schema::parse_type(written);
  INFO(written << ": " << out.error);
  CHECK(out.error.empty());
  return out.type;
}

}  // namespace qflow::test
