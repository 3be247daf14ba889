#include <doctest/doctest.h>

#include <fstream>

#include "schema/frame.hpp"
#include "schema/messages.hpp"
#include "tests/support/process.hpp"

using namespace qflow::schema;

namespace {

std::string hex(const std::string& bytes) {
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto u = static_cast<unsigned char>(bytes[i]);
    out += "0123456789abcdef"[u >> 4U];
    out += "0123456789abcdef"[u & 15U];
    out += i % 16 == 15 ? '\n' : ' ';
  }
  if (!out.empty()) out.back() = '\n';
  return out;
}

std::string golden(const std::string& name) {
  std::ifstream file(qflow::test::source("tests/unit/schema/golden/" + name));
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string bytes_of(const Frame& frame) {
  std::string out;
  encode(frame, out);
  return out;
}

}  // namespace

TEST_CASE("frames on the wire match the golden files") {
  // A difference here means a new protocol version: do not adapt the test.
  std::string out;
  pack(Kind::configure, 0, Configure{kProtocolVersion, "memory 536870912\n", {"pandas"}, std::nullopt}, out);
  CHECK(hex(out) == golden("configure.hex"));
  out.clear();
  Call call;
  call.module = 3;
  Argument argument;
  argument.name = "x";
  argument.handle = 2;
  call.arguments.push_back(argument);
  pack(Kind::call, 4, call, out);
  CHECK(hex(out) == golden("call.hex"));
  out.clear();
  pack(Kind::exited, 7, Exited{-1, 9, 1000, 2000, 4096, 300, 2}, out);
  CHECK(hex(out) == golden("exited.hex"));
  out.clear();
  pack(Kind::branch, 3, Branch{"0123456789abcdef"}, out);
  CHECK(hex(out) == golden("branch.hex"));
  out.clear();
  pack(Kind::load, 1, Load{"a.py", "0123456789abcdef", std::nullopt, false}, out, "def f(): pass\n");
  CHECK(hex(out) == golden("load.hex"));
  out.clear();
  pack(Kind::state, 0, Analysed{}, out, R"({"set":{"n":1},"removed":["m"]})");
  CHECK(hex(out) == golden("state.hex"));
  out.clear();
  pack(Kind::adopt, 0, Adopt{{2, 4}, {536870912, 6}}, out);
  CHECK(hex(out) == golden("adopt.hex"));
  out.clear();
  pack(Kind::note, 4, Note{"progress", 0.5, "half", std::nullopt, std::nullopt}, out);
  CHECK(hex(out) == golden("note.hex"));
}

TEST_CASE("frames come out as they went in, however the bytes are cut") {
  const Frame first{Kind::load, 1, R"({"file":"a"})", std::string("x\0y", 3)};
  const Frame second{Kind::result, 0xffffffff, "{}", {}};
  const std::string stream = bytes_of(first) + bytes_of(second);
  for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
    Decoder decoder;
    std::vector<Frame> got;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      decoder.feed(std::string_view(stream).substr(at, piece));
      while (auto frame = decoder.next()) got.push_back(*frame);
    }
    REQUIRE(got.size() == 2);
    CHECK(got[0].payload == first.payload);
    CHECK(got[0].meta == first.meta);
    CHECK(got[1].id == 0xffffffff);
    CHECK(decoder.held() == 0);
  }
}

TEST_CASE("a broken stream gives a named error and is read no further") {
  const auto error_of = [](std::string bytes, std::uint32_t limit = kMaxFrame) {
    Decoder decoder(limit);
    decoder.feed(bytes);
    CHECK_FALSE(decoder.next());
    decoder.feed(bytes_of({Kind::result, 1, "{}", {}}));
    CHECK_FALSE(decoder.next());
    return decoder.error();
  };
  std::string good = bytes_of({Kind::result, 1, "{}", {}});
  std::string huge = good;
  huge.replace(0, 4, "\xff\xff\xff\xff");
  CHECK(error_of(huge).find("exceeds") != std::string::npos);
  CHECK(error_of(good, 12).find("exceeds 12") != std::string::npos);
  std::string tiny = good;
  tiny.replace(0, 4, std::string("\x02\0\0\0", 4));
  CHECK(error_of(tiny).find("shorter than a header") != std::string::npos);
  std::string kind = good;
  kind[4] = 99;
  CHECK(error_of(kind).find("unknown frame kind 99") != std::string::npos);
  std::string reserved = good;
  reserved[5] = 1;
  CHECK(error_of(reserved).find("unknown frame kind") != std::string::npos);
  std::string meta = good;
  meta[12] = 100;
  CHECK(error_of(meta).find("exceeds its frame") != std::string::npos);
}

TEST_CASE("a frame larger than the limit cannot be made") {
  std::string out;
  CHECK_THROWS_AS(encode({Kind::load, 1, "{}", std::string(kMaxFrame, 'x')}, out), std::length_error);
}
