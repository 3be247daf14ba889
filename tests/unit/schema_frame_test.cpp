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
  std::ifstream file(qflow::test::source("tests/unit/golden/" + name));
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string bytes_of(const Frame& frame) {
  std::string out;
  encode(frame, out);
  return out;
}

}  // namespace

TEST_CASE("frames on the wire are those of the golden files") {
  // A difference here is a new protocol version, not a test to be adapted.
  std::string out;
  pack(Kind::configure, 0, Configure{kProtocolVersion, "memory 536870912\n", {"pandas"}}, out);
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
  pack(Kind::load, 1, Load{"a.py", "0123456789abcdef", std::nullopt, false}, out, "def f(): pass\n");
  CHECK(hex(out) == golden("load.hex"));
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

TEST_CASE("a broken stream is named and never read on") {
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

TEST_CASE("messages name the field that does not fit") {
  const auto error_of = [](const std::string& meta) {
    std::string error;
    CHECK_FALSE(unpack<Result>({Kind::result, 1, meta, {}}, error));
    return error;
  };
  CHECK(error_of("").find("incomplete") != std::string::npos);
  CHECK(error_of("[]") == ": expected an object");
  CHECK(
      error_of(
          R"({"type":1,"preview":"","exact":true,"truncated":false,"duration_us":1,"used":{"user_us":0,"system_us":0,"peak_rss_kib":0,"minor_faults":0,"major_faults":0,"written_bytes":0},"files":[],"warnings":[]})") ==
      "/type: expected a string");
  CHECK(
      error_of(
          R"({"type":"","preview":"","exact":true,"truncated":false,"duration_us":1,"used":{"user_us":0,"system_us":0,"peak_rss_kib":0,"minor_faults":0,"major_faults":0,"written_bytes":0},"files":[{"label":"a","suffix":"","size":-1}],"warnings":[]})") ==
      "/files/0/size: expected an integer in range");
  CHECK(error_of(R"({"type":""})") == "/preview: required");
}

TEST_CASE("JSON is bounded in depth and takes one document") {
  std::string error;
  parse_json(std::string(10'000, '['), error);
  CHECK(error == "nested deeper than 64 levels");
  parse_json("{} {}", error);
  CHECK(error.find("unexpected text") != std::string::npos);
  for (const char* number :
       {"123456789012345678901234567890", "18446744073709551616", "-9223372036854775809", "1e400", "[-1E+999]"}) {
    parse_json(number, error);
    CHECK_MESSAGE(error.find("needs more than 64 bits") != std::string::npos, number);
  }
  for (const char* number : {"18446744073709551615", "-9223372036854775808", "1e308", "1e-400",
                             "0.1234567890123456789012345", "\"1e400\""}) {
    parse_json(number, error);
    CHECK_MESSAGE(error.empty(), number);
  }
  CHECK(parse_json(" {\"a\": [1]} \n", error).at("a").as_array().size() == 1);
  CHECK(error.empty());
}

TEST_CASE("elements are counted outside of strings") {
  CHECK(count_elements("7") == 1);
  CHECK(count_elements("[1,2,{\"a\":3}]") == 5);
  CHECK(count_elements("\"a,b,\\\",[{\"") == 1);
  CHECK(count_elements("\"unfinished,,") == 1);
}

TEST_CASE("output marks differ by nonce and id and have one length") {
  CHECK(output_mark("0123456789abcdef", 1).size() == output_mark("0123456789abcdef", 0xffffffff).size());
  CHECK(output_mark("0123456789abcdef", 0x2a) == std::string("\0qf:0123456789abcdef:0000002a\n", 30));
}
