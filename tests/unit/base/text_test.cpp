#include <doctest/doctest.h>

#include "daemon/base/text.hpp"

using namespace qflow;

TEST_CASE("only well-formed UTF-8 counts as such, and everything else is repaired") {
  for (const char* good : {"", "a", "é", "€", "😀", "\x7f"}) CHECK(is_utf8(good));
  for (const char* bad : {"\x80", "\xC3", "\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xFF"}) {
    CHECK_FALSE(is_utf8(bad));
    CHECK(is_utf8(to_utf8(bad)));
  }
  CHECK(to_utf8("a\xC3z") == "a\uFFFDz");
}

TEST_CASE("texts are cut between characters") {
  CHECK(cut_utf8("aé", 2) == "a");
  CHECK(cut_utf8("aé", 3) == "aé");
  CHECK(cut_utf8("😀", 3).empty());
}
