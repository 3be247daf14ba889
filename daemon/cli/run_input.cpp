#include "daemon/cli/run_input.hpp"

#include <fmt/format.h>

#include "daemon/base/text.hpp"
#include "daemon/cli/flow_file.hpp"
#include "daemon/engine/kept_files.hpp"

namespace qflow::cli {
namespace {

constexpr std::size_t kMostFiles = 48U << 20U;  // of all input files together

flow::GivenInputs::File read_input_file(const std::string& path, WatchedFiles* watched) {
  flow::GivenInputs::File file;
  if (watched != nullptr && path != "-") watched->add(std::filesystem::absolute(path));
  file.bytes = path == "-" ? read_text("/dev/stdin", "input file") : read_text(path, "input file");
  file.name = engine::kept_name(path == "-" ? "stdin" : path.substr(path.rfind('/') + 1));
  if (file.name.empty()) file.name = "file";
  file.is_text = is_utf8(file.bytes);
  return file;
}

}  // namespace

RunInput read_input(const std::vector<std::string>& named, const std::string& file, WatchedFiles* watched) {
  RunInput out;
  if (watched != nullptr && !file.empty()) watched->add(std::filesystem::absolute(file));
  if (!file.empty()) out.value = parse_file(file, "input file");
  else if (!named.empty()) out.rules = flow::InputRules::named;
  auto given = std::make_shared<flow::GivenInputs>();
  std::size_t bytes = 0;
  for (const std::string& text : named) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0)
      throw bad_flow("invalid_input", fmt::format("--input {}: expected NAME=VALUE", text));
    if (!is_utf8(text)) throw bad_flow("not_text", fmt::format("--input {}: not UTF-8 text", to_utf8(text)));
    if (!out.value) out.value = json::object();
    if (!out.value->is_object())
      throw bad_flow("invalid_input", "--input needs a JSON object in --input-file to add to");
    const std::string name = text.substr(0, equals), value = text.substr(equals + 1);
    json::object& object = out.value->get_object();
    if (value.starts_with('@')) {
      flow::GivenInputs::File one = read_input_file(value.substr(1), watched);
      if ((bytes += one.bytes.size()) > kMostFiles)
        throw bad_flow("too_large", fmt::format("input files: more than {} MiB together; show a directory to the nodes "
                                                "with --share instead",
                                                kMostFiles >> 20U));
      for (int n = 2; std::any_of(given->files.begin(), given->files.end(),
                                  [&](const auto& other) { return other.second.name == one.name; });
           ++n)
        one.name = engine::numbered(one.name, n);
      object[name] =
          one.is_text ? json::value(json::string(without_mark(one.bytes))) : json::value(json::string(value));
      given->files[name] = std::move(one);
    } else {
      object[name] = json::string(value);
      given->texts.insert(name);
    }
  }
  if (!named.empty()) out.given = std::move(given);
  return out;
}

}  // namespace qflow::cli
