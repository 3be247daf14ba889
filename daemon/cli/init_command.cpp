#include "daemon/cli/init_command.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "daemon/base/fault.hpp"
#include "daemon/cli/runtime.hpp"
#include "sandbox/sys.hpp"

namespace qflow::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::pair<const char*, const char*> kFiles[] = {{"flow.json", R"({
  "name": "{}",
  "nodes": [
    { "id": "read", "file": "read.py" },
    { "id": "count", "file": "count.py" }
  ],
  "connections": [ { "source": "read", "target": "count" } ]
}
)"},
                                                          {"read.py", R"("""Splits a text into words."""


def read(text: str = "to be or not to be") -> list[str]:
    return text.split()
)"},
                                                          {"count.py", R"("""Counts the words."""

from collections import Counter


def count(words: list[str]) -> dict[str, int]:
    print(len(words), "words")
    return dict(Counter(words))
)"},
                                                          {"README.md", R"(# {}

A workflow of two Python functions.

    qflow run flow.json                          # with the default text
    qflow run flow.json -i text="a b a"          # with another
    qflow run flow.json -i text=@some-file.txt   # with that of a file
    qflow check flow.json                        # what is wrong with it, without running it
)"},
                                                          {".gitignore", "__pycache__/\nqflow-data/\n"}};

std::string with_name(std::string text, const std::string& name) {
  if (const auto at = text.find("{}"); at != std::string::npos) text.replace(at, 2, name);
  return text;
}

}  // namespace

int init(const std::string& name) {
  const fs::path folder(name);
  const std::string shown = fs::absolute(folder).lexically_normal().filename().string();
  if (shown.find_first_of("\"\\") != std::string::npos || printable(shown) != shown)
    throw Fault(FaultKind::bad_input, "invalid_name",
                fmt::format("{}: choose a name without quotes and control characters", printable(name)));
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw Fault(FaultKind::bad_input, "unwritable", fmt::format("{}: {}", name, error.message()));
  for (const auto& [file, text] : kFiles)
    if (fs::exists(folder / file)) throw Fault(FaultKind::bad_input, "exists", fmt::format("{}/{} exists", name, file));
  for (const auto& [file, text] : kFiles) {
    const sandbox::UniqueFd fd = sandbox::open_file((folder / file).string(), O_WRONLY | O_CREAT | O_EXCL, 0644);
    if (!sandbox::write_all(fd.get(), with_name(text, shown)))
      throw Fault(FaultKind::unavailable, "unwritable", fmt::format("{}/{} could not be written", name, file));
  }
  const bool plain = std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return (std::isalnum(c) != 0 && c < 0x80) || c == '/' || c == '.' || c == '_' || c == '-';
  });
  fmt::print("{0}/ has a flow of two nodes. Run it:\n  qflow run {1}{0}/flow.json{1}\n", name, plain ? "" : "'");
  return kOk;
}

}  // namespace qflow::cli
